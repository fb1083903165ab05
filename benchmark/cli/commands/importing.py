"""``apprehend import``: a command for each importer, as it declares itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from ....tasks.data_errors import DataError
from ...console.declared import REQUIRED, Typed, with_options
from ...console.errors import ApprehendError
from ...console.options import say
from ...store.names import check_name

if TYPE_CHECKING:
    from ...importers.importer import Importer
    from ...recordings.recorded import Recording
    from ...recordings.writing import Imported


class _Importers(TyperGroup):
    """Commands of the importers, loaded only when one of them or their help is requested."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all importers."""
        names: list[str] = _commands().list_commands(ctx)
        return names

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of an importer; one in a user's file is loaded by its name."""
        from ....estimators.core.user_files import is_file_spec

        if is_file_spec(cmd_name):
            return _own_command(cmd_name)
        return _commands().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=_Importers,
    help="Import recorded answers, to score and report them without a model. Besides the formats "
    "below, path/to/file.py:NAME is an importer in a file of your own.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Make it a group, whose commands are added later."""


@lru_cache(maxsize=1)
def _commands() -> Any:
    from ...importers.importer import importers

    commands = typer.Typer()
    commands.callback()(lambda: None)
    for importer in importers().values():
        commands.command(importer.name, help=importer.summary)(_command(importer))
    return get_group(commands)


def _own_command(spec: str) -> Any:
    """Return the command of an importer in a user's file: ``path/to/file.py:NAME``."""
    from ...importers.own.importer_loading import load_importer

    importer = load_importer(spec)
    alone = typer.Typer()
    alone.command(spec, help=importer.summary)(_command(importer))
    return get_command(alone)


def _command(importer: Importer) -> Callable[..., None]:
    shared = {
        "paths": Typed(importer.files, list[Path], REQUIRED, argument=True),
        "model": Typed("What to call the model.", default=REQUIRED),
        "task": Typed("What to call the task (default: as the files say).", default=importer.task),
        "output_path": Typed("Results folder.", Path, Path("results")),
        "dry_run": Typed("Show what is understood of the files, and write nothing.", bool, False),
    }
    if importer.task is not None:
        shared["task"] = Typed("What to call the task.", default=importer.task)

    @with_options([*shared.items(), *importer.options.items()])
    def command(**given: Any) -> None:
        _import(importer, **given)

    return command


def _import(
    importer: Importer,
    paths: Sequence[Path],
    model: str,
    task: str | None,
    output_path: Path,
    dry_run: bool,
    **options: Any,
) -> None:
    from ...recordings.writing import file_origin, plan_import
    from ...store.task_store import Results

    check_name("--model", model)
    if task is not None:
        check_name("--task", task)
    with _other_format(importer, paths):
        recordings = list(importer.read(paths, {**options, "task": task}))
    named = [(task or _task_of(importer, recording), recording) for recording in recordings]
    for _, recording in named:
        _say_notes(recording)
    if dry_run:
        _show_understanding(named)
        return
    results = Results(output_path)
    planned = []
    for name, recording in named:
        origin = file_origin(importer.name, recording.files, **recording.origin)
        planned.append(
            plan_import(results, model, name, recording.signal, recording.questions, origin)
        )
    for plan in planned:
        _done(plan.write())


def _task_of(importer: Importer, recording: Recording) -> str:
    name = recording.task or importer.task
    assert name is not None, f"importer {importer.name}: names no task"
    return check_name("--task", name)


def _say_notes(recording: Recording) -> None:
    from ...recordings.outcomes import unread_warning
    from ...recordings.score_columns import orientation_warnings

    warnings = [unread_warning(recording), *orientation_warnings(recording)]
    for note in recording.notes:
        say(f"{recording.files[0]}: {note}")
    for warning in warnings:
        if warning is not None:
            say(f"warning: {recording.files[0]}: {warning}")


def _show_understanding(named: Sequence[tuple[str, Recording]]) -> None:
    from ...console.options import show
    from ...recordings.understanding import understanding

    for task, recording in named:
        for line in understanding(recording, task):
            show(line)


@contextmanager
def _other_format(importer: Importer, paths: Sequence[Path]) -> Iterator[None]:
    """Where files cannot be read, name the importer that would recognize them."""
    from ...importers.importer import recognizing

    try:
        yield
    except (ApprehendError, DataError) as error:
        files = [path for path in paths if path.is_file()]
        others = recognizing(files) if files else []
        if not others or others[0].name in (importer.name, "table") or importer.name == "auto":
            raise
        raise type(error)(f"{error}; is it for `apprehend import {others[0].name}`?") from error


def _done(imported: Imported) -> None:
    from ...score.scoring import score_store

    scored = score_store(imported.store)
    say(
        f"{imported.store.path}: {imported.questions} questions, {imported.unparsed} without a "
        f"readable answer, {imported.without_gold} left out (nothing says what is right); "
        f"scored: {', '.join(scored.estimators)}"
    )
