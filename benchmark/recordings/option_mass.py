"""Distributions over options in a table: probabilities, log-probabilities or logits, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from ...tasks.files.cells import as_list, is_blank, number
from ...tasks.files.file_errors import DataError
from .recorded import places_named

ROUNDING = 0.005
"""Largest rounding of one probability, of two digits."""
EXACT = 1e-6
Fail = Callable[[int, str], DataError]


@dataclass
class Distributions:
    """Per row: natural-log probabilities of the options, or None; and the mass outside them."""

    logprobs: list[list[float] | None]
    missing_mass: list[float | None]
    notes: list[str] = field(default_factory=list)


def read_lists(cells: Sequence[object], fail: Fail) -> list[list[float | None] | None]:
    """Read a column of lists of numbers; null within a list is an option that was not seen."""
    rows: list[list[float | None] | None] = []
    for row, cell in enumerate(cells):
        values = as_list(cell)
        if values is None:
            if not is_blank(cell):
                raise fail(row, f"expected a list of numbers, got {str(cell)[:40]!r}")
            rows.append(None)
            continue
        numbers = [number(value) for value in values]
        if any(value is None or value == math.inf for value in numbers):
            raise fail(row, "expected numbers in the list")
        rows.append([None if value is None or math.isnan(value) else value for value in numbers])
    return rows


def read_columns(
    columns: Sequence[Sequence[object]], fail: Fail
) -> list[list[float | None] | None]:
    """Read one column per option as lists; empty cells at the end are options that a row lacks."""
    rows: list[object] = []
    for cells in zip(*columns, strict=True):
        values = list(cells)
        while values and is_blank(values[-1]):
            values.pop()
        rows.append(values or None)
    return read_lists(rows, fail)


def distributions_of_probs(
    rows: Sequence[Sequence[float | None] | None], places: Sequence[str], fail: Fail
) -> Distributions:
    """Check probabilities: at most 1 together, rounding aside; mass outside them is kept.

    Raises DataError for what is none: log-probabilities, logits, sums above 1.
    """
    known = [[v for v in row if v is not None] for row in rows if row is not None]
    values = [value for row in known for value in row]
    if values and max(values) <= 0 and min(values) < 0:
        raise DataError("holds log-probabilities (none is above 0); give --option_logits instead")
    percent = (
        bool(known)
        and max(values, default=0) > 1 + ROUNDING
        and all(abs(math.fsum(row) - 100) <= 1 and min(row) >= 0 for row in known if row)
    )
    found = Distributions([], [])
    rounded: list[str] = []
    short: list[str] = []
    nothing: list[str] = []
    unseen = 0
    for index, row in enumerate(rows):
        if row is None:
            found.logprobs.append(None)
            found.missing_mass.append(None)
            continue
        unseen += sum(value is None for value in row)
        probs = [(value or 0.0) / (100 if percent else 1) for value in row]
        wrong = next((p for p in probs if not 0 <= p <= 1 + ROUNDING), None)
        if wrong is not None:
            raise fail(index, f"expected probabilities from 0 to 1, got {wrong:g} (logits? give "
                       "--option_logits)")  # fmt: skip
        total = math.fsum(probs)
        if total > 1 + ROUNDING * len(probs) + EXACT:
            raise fail(index, f"expected probabilities that sum to at most 1, got {total:g}")
        if total <= 0:
            nothing.append(places[index])
            found.logprobs.append(None)
            found.missing_mass.append(1.0)
            continue
        if total > 1 + EXACT:
            rounded.append(places[index])
            probs = [p / total for p in probs]
        elif total < 1 - EXACT:
            short.append(places[index])
        found.logprobs.append([math.log(p) if p > 0 else -math.inf for p in probs])
        found.missing_mass.append(max(0.0, 1 - total))
    if percent:
        found.notes.append("probabilities are in percent")
    if rounded or short:
        found.notes.append(
            f"probabilities of {len(rounded) + len(short):,} of {len(known):,} rows do not sum to "
            f"1 (rounded, or mass outside the options): renormalized; for {len(short):,} the "
            "missing mass is stored"
        )
    found.notes += _notes(unseen, nothing)
    return found


def distributions_of_logits(
    rows: Sequence[Sequence[float | None] | None], places: Sequence[str], fail: Fail
) -> Distributions:
    """Normalize logits or log-probabilities over the options; the mass outside them is kept.

    Raises DataError for what is none: probabilities, or a row whose logits are all minus infinity.
    """
    known = [row for row in rows if row is not None]
    if known and all(_is_probable(row) for row in known):
        raise DataError(
            "holds probabilities (every row is within [0, 1] and sums to 1); give --option_probs "
            "instead"
        )
    masses = [_mass(row) for row in known]
    are_logprobs = bool(masses) and max(masses) <= 1 + 1e-3 and median(masses) >= 0.5
    found = Distributions([], [])
    nothing: list[str] = []
    unseen = short = 0
    for index, row in enumerate(rows):
        if row is None or all(value is None for value in row):
            nothing += [] if row is None else [places[index]]
            found.logprobs.append(None)
            found.missing_mass.append(None if row is None else 1.0)
            continue
        unseen += sum(value is None for value in row)
        values = [-math.inf if value is None else value for value in row]
        if max(values) == -math.inf:
            raise fail(index, "holds no finite logit")
        found.logprobs.append(log_softmax(values))
        mass = _mass(row) if are_logprobs else 1.0
        short += mass < 1 - 1e-3
        found.missing_mass.append(max(0.0, 1 - mass) if are_logprobs else None)
    if short:
        found.notes.append(
            f"log-probabilities of {short:,} of {len(known):,} rows leave mass outside the options:"
            " renormalized, and the missing mass is stored"
        )
    found.notes += _notes(unseen, nothing)
    return found


def _notes(unseen: int, nothing: Sequence[str]) -> list[str]:
    notes = []
    if unseen:
        notes.append(f"{unseen:,} options have no value (outside the top k): probability 0")
    if nothing:
        notes.append(
            f"{len(nothing):,} rows have no option with a probability ({places_named(nothing)}): "
            "no distribution"
        )
    return notes


def _is_probable(row: Sequence[float | None]) -> bool:
    values = [value for value in row if value is not None]
    tolerance = ROUNDING * len(row) + EXACT
    inside = all(0 <= value <= 1 for value in values)
    return bool(values) and inside and abs(math.fsum(values) - 1) <= tolerance


def _mass(row: Sequence[float | None]) -> float:
    values = [value for value in row if value is not None]
    return math.inf if max(values, default=0) > 1e-3 else math.fsum(map(math.exp, values))


def log_softmax(logits: Sequence[float]) -> list[float]:
    """Compute log-probabilities over the options from logits, in float64."""
    top = max(logits)
    total = top + math.log(math.fsum(math.exp(value - top) for value in logits))
    return [value - total for value in logits]
