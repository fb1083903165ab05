"""Runs of a model from Python: the options of ``apprehend run`` as keyword arguments."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from .benchmark.console.declared import Typed
from .benchmark.console.errors import UsageError, did_you_mean, missing_package
from .benchmark.run.run_options import RunOptions, read_options, typed_options
from .stored_results import Results


def run(
    model: str = "hf",
    model_args: str | Mapping[str, Any] = "",
    tasks: str | Sequence[str] = "mmlu_pro_direct",
    output_path: str | Path = "results",
    *,
    report: bool = False,
    **options: Any,
) -> Results:
    """Ask a model the questions and score its uncertainty; only what is missing is collected.

    Args:
        model: Engine: "hf", "vllm", "local-completions", "local-chat-completions", …
        model_args: As in lm-eval, ``"pretrained=NAME,dtype=bfloat16"`` or a mapping;
            ``"pretrained=embedded"`` is the model that comes with the package.
        tasks: Names of tasks or groups, a comma-separated text or a list.
        output_path: Results folder.
        report: Whether to write the report below the results.
        options: Any other option of ``apprehend run`` by its name, e.g. ``estimators``, ``limit``,
            ``data``, ``judge``, ``num_fewshot``, ``apply_chat_template``, ``seed``; as text, or as
            the number, list or mapping that the text stands for.

    Returns:
        The results.

    Raises:
        ApprehendError: An option is invalid, or something could not be collected or scored;
            whatever was collected is kept, and the same call collects the rest.
    """
    try:
        from .benchmark.run.running import run as run_steps
    except ModuleNotFoundError as error:
        raise (missing_package(error) or error) from error

    os.environ.setdefault("TQDM_DISABLE", "1")
    given = {"model": model, "model_args": model_args, "tasks": tasks, "report": report}
    run_steps(options_of({**given, "output_path": Path(output_path), **options})).raise_problems()
    return Results(output_path)


def options_of(given: Mapping[str, Any]) -> RunOptions:
    """Build the options of a run from values by the names of the command-line options.

    Raises UsageError for an unknown name, a value out of bounds, or one that cannot be read.
    """
    declared = dict(typed_options())
    for name, value in given.items():
        if name not in declared:
            raise UsageError(f"{name}: is no option of a run{did_you_mean(name, declared)}")
        _check_bounds(name, declared[name], value)
    as_typed = {name: _as_typed(declared[name], value) for name, value in given.items()}
    defaults = {name: option.default for name, option in declared.items()}
    ready: dict[str, Any] = {
        option.name: dict(given[option.name])
        for option in fields(RunOptions)
        if option.name in given and isinstance(given[option.name], Mapping)
    }
    texts = {name: value for name, value in as_typed.items() if name not in ready}
    if ready.get("model_args"):
        texts["model_args"] = "pretrained=given"  # replaced below; an empty one is refused
    options = read_options({**defaults, **texts})
    return replace(options, **ready)


def _as_typed(option: Typed, value: Any) -> Any:
    """Return a value as the command line would pass it: lists of a text option as one text."""
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    if option.kind == list[str]:
        return [str(item) for item in value] if listed else value if value is None else [str(value)]
    if listed:
        return ",".join(map(str, value))
    if option.kind is str and value is not None and not isinstance(value, Mapping):
        return str(value)
    return value


def _check_bounds(name: str, option: Typed, value: Any) -> None:
    if value is None or option.kind not in (int, float):
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{name}: expected a number, got {value!r}")
    if option.kind is int and not isinstance(value, int):
        raise UsageError(f"{name}: expected a whole number, got {value!r}")
    low = -math.inf if option.min is None else option.min
    high = math.inf if option.max is None else option.max
    if not low <= value <= high:
        raise UsageError(f"{name}: expected a number from {low:g} to {high:g}, got {value!r}")
