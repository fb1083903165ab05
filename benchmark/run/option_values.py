"""What the options of a run make of their typed values, or how they refuse them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum

from ...tasks.data_errors import DataError
from ...tasks.reading.extraction import EXTRACTIONS
from ..console.arguments import parse_arguments
from ..console.errors import UsageError, did_you_mean
from ..console.number_limits import MOST_QUESTIONS
from ..console.options import split_names, whole_number
from ..engines.shared.inside import LAYER_WORDS
from ..judges.judge_options import JudgeOptions
from ..store.names import check_name, check_names


class Overwrite(str, Enum):
    """What a run does with stored signals."""

    ONLY_MISSING = "only-missing"
    """Keep them, collect the others."""
    ALWAYS = "always"
    """Set them aside and collect everything again."""
    NEVER = "never"
    """Refuse to run if there are any."""
    ONLY_CACHE = "only-cache"
    """Load no model; score what is stored and report what is missing."""


def read_name(text: str | None) -> str | None:
    if text is not None:
        check_name("--model_name", text)
    return text


def read_estimators(text: str | None) -> list[str] | None:
    if text is None:
        return None
    from ...estimators.registry import split_specs

    return split_specs(text)


def read_metrics(text: str | None) -> list[str]:
    return read_estimators(text) or []


def read_judges(
    kinds: Sequence[str] | None, arguments: Sequence[str] | None, names: Sequence[str] | None
) -> list[JudgeOptions]:
    """Build the panel: arguments and names belong to the judges in the given order."""
    kinds, arguments, names = kinds or [], arguments or [], names or []
    check_names("--judge_name", names)
    for option, given in (("--judge_args", arguments), ("--judge_name", names)):
        if given and len(given) != len(kinds):
            raise UsageError(
                f"{option}: given {len(given)} times for {len(kinds)} --judge; give it once for "
                "each, in the same order"
            )
    return [
        JudgeOptions(
            kind,
            parse_arguments("--judge_args", arguments[place]) if arguments else {},
            names[place] if names else None,
        )
        for place, kind in enumerate(kinds)
    ]


def read_data_columns(text: str | None) -> str | None:
    from ...tasks.data_sets.column_map import parse_columns

    try:
        parse_columns(text)
    except DataError as error:
        raise UsageError(str(error)) from error
    return text


def read_batch_size(text: str) -> str:
    if text != "auto" and not 0 < (whole_number(text) or 0) <= MOST_QUESTIONS:
        raise UsageError(f"--batch_size: expected auto or a whole number, got {text!r}")
    return text


def read_limit(limit: float | None) -> float | None:
    if limit is not None and (limit == 0 or (limit > 1 and limit % 1)):
        raise UsageError(
            "--limit: expected a whole number of questions or a share below 1, above 0, got "
            f"{limit:g}"
        )
    return limit


def read_extraction(text: str) -> str:
    if text not in EXTRACTIONS:
        raise UsageError(
            f"--extraction: expected one of {', '.join(EXTRACTIONS)}, got {text!r}"
            f"{did_you_mean(text, EXTRACTIONS)}"
        )
    return text


NORMALIZATIONS = ("none", "characters", "bytes", "tokens", "prior")
"""How log-likelihoods of whole texts are made comparable, see `questions.option_scores`."""


def read_normalization(text: str) -> str:
    if text not in NORMALIZATIONS:
        raise UsageError(
            f"--normalization: expected one of {', '.join(NORMALIZATIONS)}, got {text!r}"
            f"{did_you_mean(text, NORMALIZATIONS)}"
        )
    return text


MOST_LAYERS = 8
"""A state has thousands of numbers: so many are stored of a question at most."""


def read_layers(text: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(split_names(text)))
    for name in names:
        if name not in LAYER_WORDS and (whole_number(name) or 0) < 1:
            raise UsageError(
                f"--hidden_layers: expected numbers from 1, or {', '.join(LAYER_WORDS)}, got "
                f"{name!r}"
            )
    if len(names) > MOST_LAYERS:
        raise UsageError(f"--hidden_layers: expected at most {MOST_LAYERS}, got {len(names)}")
    return names


def read_overwrite(text: str) -> Overwrite:
    known = [mode.value for mode in Overwrite]
    if text not in known:
        raise UsageError(
            f"--overwrite: expected {', '.join(known[:-1])} or {known[-1]}, got {text!r}"
            f"{did_you_mean(text, known)}"
        )
    return Overwrite(text)


def read_shard(text: str | None) -> tuple[int, int, int] | None:
    from .sharding import current_shard

    shard = current_shard(text, os.environ)
    return None if shard is None else (shard.index, shard.count, shard.local)
