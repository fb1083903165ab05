"""The command line: ``apprehend …``. Heavy imports happen inside the commands that need them."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from typing import Annotated, Any

import typer
import typer.main

from ..console.declared import spelled_once
from ..console.errors import ApprehendError, missing_package, without_middle
from ..console.masking import MaskingFormatter, mask_text, remember_typed
from ..console.options import check_text, say
from ..console.streams import guard_console, masked_traceback
from .commands import (
    analyse,
    cascade,
    checking,
    compare,
    demo,
    importing,
    listing,
    merge,
    paper,
    publish,
    reporting,
    split,
    verify,
)
from .commands import run as running
from .commands import score as scoring
from .commands.decisions import applying, recommend, subset, threshold
from .commands.inputs import data
from .environment import doctor
from .showing import show

app = typer.Typer(
    name="apprehend",
    help="Does a language model know when it doesn't know? Uncertainty estimation for "
    "multiple-choice question answering.",
    no_args_is_help=True,
    add_completion=False,  # see `_with_completion`
    pretty_exceptions_enable=False,
    context_settings={"token_normalize_func": spelled_once},
)
app.command("demo")(demo.demo)
app.command("run")(running.run)
app.command("data")(data.data)
app.command("score")(scoring.score)
app.command("report")(reporting.report)
app.command("paper")(paper.paper)
app.command("compare")(compare.compare)
app.command("threshold")(threshold.threshold)
app.command("apply")(applying.apply)
app.command("recommend")(recommend.recommend)
app.command("subset")(subset.subset)
app.command("cascade")(cascade.cascade)
app.command("split")(split.split)
app.command("analyse")(analyse.analyse)
app.command("show")(show.show)
app.command("export")(publish.export)
app.command("leaderboard")(publish.leaderboard)
app.command("verify")(verify.verify)
app.command("merge")(merge.merge)
app.command("doctor")(doctor.doctor)
app.add_typer(importing.app, name="import")
app.add_typer(listing.app, name="list")
app.add_typer(checking.app, name="check")


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        sys.stdout.write(f"apprehend {version('apprehend')}\n")
        raise typer.Exit


@app.callback()
def _main(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and all logs.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,  # False, not None: typer imports pydantic to read anything but a plain flag
) -> None:
    level = logging.DEBUG if debug else logging.WARNING
    handler = logging.StreamHandler()
    handler.setFormatter(MaskingFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


def _quiet_libraries(debug: bool) -> None:
    """Silence the progress bars and logs of the libraries."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    if not debug:
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        os.environ.setdefault("DATASETS_VERBOSITY", "error")
        os.environ.setdefault("LMEVAL_LOG_LEVEL", "ERROR")
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        os.environ.setdefault("PYTHONWARNINGS", "ignore")  # of vLLM's processes
        for name in ("lm_eval", "lm-eval", "transformers", "datasets", "accelerate", "httpx"):
            logging.getLogger(name).setLevel(logging.ERROR)


_NOT_ASKED = {"help": False}
_NO_HELP: dict[str, Any] = {
    **_NOT_ASKED,
    "list": _NOT_ASKED | {command.name: _NOT_ASKED for command in listing.app.registered_commands},
}
"""Preset values of --help: to read them typer would import pydantic, which slows the start."""

_NO_WRITING = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT)
LONGEST_LINE = 1800
"""Characters of an error line: fits the names of all estimators, but not an arbitrary cell."""
STOPPED = "stopped; what was collected is stored, run again to resume"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with status 0, 1 (failure) or 2 (wrong usage)."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    remember_typed(given)
    undo = guard_console()
    try:
        _quiet_libraries(debug)
        status = _guarded((["--debug"] if debug else []) + given, debug)
    finally:
        if arguments is not None:  # called from Python: the process continues
            undo()
    sys.exit(status)


def _guarded(arguments: list[str], debug: bool) -> int:
    """Run the command, print any error as one line, and return the exit status.

    With ``--debug`` the traceback comes first.
    """
    try:
        for place, argument in enumerate(arguments, 1):
            check_text(f"argument {place}", argument)
        _with_completion(arguments)
        # Not app(…) itself, which installs its own traceback hook.
        command = typer.main.get_command(app)
        result: object = command(arguments, standalone_mode=False, default_map=_NO_HELP)
        sys.stdout.flush()
    except (typer.Abort, KeyboardInterrupt):
        return _fail(STOPPED, 130)
    except typer.TyperException as error:
        if not error.format_message():  # a group without a command, which shows its help
            sys.stderr.write("\n")
            return 2
        return _fail(error.format_message(), 2, usage=True)
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as error:
        if debug:
            sys.stderr.write(masked_traceback(error))
        return _failed(error)
    if result == 130:  # typer's status of an interrupted command
        return _fail(STOPPED, 130)
    return result if isinstance(result, int) else 0


def _with_completion(arguments: list[str]) -> None:
    """Add typer's completion where a shell or a user asks for it; elsewhere it slows the start."""
    asked = {spelled_once(argument) for argument in arguments}
    if "_APPREHEND_COMPLETE" in os.environ or asked & {"__install_completion", "__show_completion"}:
        app._add_completion = True


def _failed(error: Exception) -> int:
    """Print an error as one line and return its exit status.

    The expected error classes are imported here, so that commands that succeed start faster.
    """
    from ...estimators.signals.estimator_errors import EstimatorError, EstimatorLookupError
    from ...tasks.data_errors import DataError

    if isinstance(error, ApprehendError | EstimatorError | DataError):
        status = getattr(error, "exit_status", 2 if isinstance(error, EstimatorLookupError) else 1)
        return _fail(str(error), status)
    if isinstance(error, OSError) and error.errno in _NO_WRITING:
        return _fail(f"cannot write {error.filename or 'a file'}: {os.strerror(error.errno)}", 1)
    if isinstance(error, OSError) and error.errno and error.filename is not None:
        return _fail(f"cannot use {error.filename}: {os.strerror(error.errno)}", 1)
    if isinstance(error, MemoryError):
        return _fail("out of memory; what was collected is stored", 1)
    if (missing := missing_package(error)) is not None:
        return _fail(str(missing), missing.exit_status)
    shown = str(error).strip().splitlines()
    return _fail(
        f"{type(error).__name__}: {shown[0] if shown else ''} (unexpected; --debug shows more)", 1
    )


def _fail(message: str, status: int, usage: bool = False) -> int:
    line = without_middle(mask_text(" ".join(message.split())), LONGEST_LINE, 300)
    say(f"apprehend: error: {line}" + (" (see --help)" if usage else ""))
    return status


__all__ = ["app", "main"]
