"""The one reader of answers: gold answers and predictions of a table, as indices of options.

Letters name options by themselves. Numbers count from 0 or from 1: the data decide where they can,
which is said in one line; where they cannot, the answers are refused.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..files.file_errors import DataError
from .extraction import read_answer
from .label_spelling import Spelling, option_named, same_text, spelling_of

MOST = 25
"""Maximum number of options."""
LABELS = string.ascii_uppercase


@dataclass(frozen=True)
class ReadColumns:
    """The answers of all columns.

    Attributes:
        indices: Column → index of the option per row; None where none can be read.
        missing: Column → whether the cell says that there is no answer, per row.
        notes: What was decided about numbers, one line each.
    """

    indices: Mapping[str, Sequence[int | None]]
    missing: Mapping[str, Sequence[bool]]
    notes: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Numbers:
    """What the numbers of a column can be: the rows in which they say so."""

    zero: int | None
    last: int | None
    """First row whose number is its number of options."""
    beyond: int | None


def read_answer_columns(
    columns: Mapping[str, Sequence[object]],
    counts: Sequence[int | None],
    options: Sequence[Sequence[str] | None] | None = None,
    index_base: int | None = None,
    place: Callable[[int], str] = lambda row: f"row {row + 1}",
) -> ReadColumns:
    """Read columns of answers to the same questions, by one rule.

    Args:
        columns: Name → cells. Of several columns the first is the gold answer.
        counts: Number of options per row; None where it is unknown.
        options: Texts of the options per row, where known.
        index_base: Whether numbers count from 0 or from 1; decided from the data by default.
        place: Names a row in messages, from its index.

    Raises:
        DataError: the data do not tell whether numbers count from 0 or from 1, or contradict both.
    """
    texts = options if options is not None else [None] * len(counts)
    spelled = {name: [spelling_of(cell) for cell in cells] for name, cells in columns.items()}
    limits = _limits(counts, spelled)
    known = any(limit is not None for limit in limits)
    bases: dict[str, int | None] = {}
    notes: list[str] = []
    for name, cells in spelled.items():
        if not any(cell is not None and cell.number is not None for cell in cells):
            bases[name] = 0
        elif index_base is not None:
            bases[name] = index_base
        elif _names_texts(cells, texts, limits):
            bases[name] = None
            notes.append(f"column {name!r}: its numbers are texts of options")
        else:
            bases[name] = -1
    undecided = [name for name, base in bases.items() if base == -1]
    for name in undecided:
        facts = _numbers_of(spelled[name], limits)
        others = [known_base for other, known_base in bases.items() if other in undecided]
        bases[name] = _base(name, facts, others, known, place)
    _settle(spelled, undecided, bases, known)
    for name in undecided:
        if bases[name] == 1:
            notes.append(f"column {name!r}: numbers count from 1 (none is 0)")
    indices = {
        name: [
            _index(cell, limit, text or (), bases[name])
            for cell, limit, text in zip(cells, limits, texts, strict=True)
        ]
        for name, cells in spelled.items()
    }
    missing = {name: [cell is None for cell in cells] for name, cells in spelled.items()}
    return ReadColumns(indices, missing, notes)


def _limits(
    counts: Sequence[int | None], spelled: Mapping[str, Sequence[Spelling | None]]
) -> list[int | None]:
    """Return the number of options per row; where it is unknown, that of the last letter used."""
    letters = [
        cell.letter
        for cells in spelled.values()
        for cell in cells
        if cell is not None and cell.letter is not None
    ]
    last = max(letters) + 1 if letters else None
    return [count if count is not None else last for count in counts]


def _filled(cells: Sequence[Spelling | None]) -> Iterator[tuple[int, int, str]]:
    """Yield row, number and text of the cells that are numbers."""
    for row, cell in enumerate(cells):
        if cell is not None and cell.number is not None and cell.number >= 0:
            yield row, cell.number, cell.text or str(cell.number)


def _numbers_of(cells: Sequence[Spelling | None], limits: Sequence[int | None]) -> _Numbers:
    zero = last = beyond = None
    for row, value, _ in _filled(cells):
        limit = limits[row]
        if value == 0 and zero is None:
            zero = row
        if limit is not None and value == limit and last is None:
            last = row
        if limit is not None and value > limit and beyond is None:
            beyond = row
    return _Numbers(zero, last, beyond)


def _names_texts(
    cells: Sequence[Spelling | None],
    texts: Sequence[Sequence[str] | None],
    limits: Sequence[int | None],
) -> bool:
    """Whether the numbers of a column are texts of options: "12" of "10", "11" and "12".

    All of them are, and some could not count the options.
    """
    beyond = False
    for row, value, text in _filled(cells):
        if option_named(text, texts[row] or ()) is None:
            return False
        limit = limits[row]
        beyond |= limit is not None and value > limit
    return beyond


def _base(
    name: str,
    facts: _Numbers,
    others: Sequence[int | None],
    known: bool,
    place: Callable[[int], str],
) -> int:
    """Return 0 or 1 where a column's own numbers decide, else -1."""
    if facts.zero is not None and facts.last is not None:
        raise DataError(
            f"column {name!r}: numbers count neither from 0 ({place(facts.last)} holds the number "
            f"of options) nor from 1 ({place(facts.zero)} holds 0); give --index_base 0 or 1"
        )
    if facts.zero is not None:
        return 0
    if facts.last is not None:
        return 1
    return -1


def _settle(
    spelled: Mapping[str, Sequence[Spelling | None]],
    undecided: Sequence[str],
    bases: dict[str, int | None],
    known: bool,
) -> None:
    """Decide for columns whose own numbers do not: as the other column counts.

    Where the number of options is unknown and both columns are numbers, either base gives the same
    outcomes; without a 0 in either, they count from 1.
    """
    open_ones = [name for name in undecided if bases[name] == -1]
    if not open_ones:
        return
    decided = {bases[name] for name in undecided} - {-1}
    if len(decided) == 1:
        for name in open_ones:
            bases[name] = next(iter(decided))
        return
    if not known and len(undecided) == len(spelled):
        for name in open_ones:
            bases[name] = 1
        return
    values = sorted({value for name in open_ones for _, value, _ in _filled(spelled[name])})
    shown = ", ".join(map(str, values[:6])) + (", …" if len(values) > 6 else "")
    raise DataError(
        f"column {open_ones[0]!r}: holds {shown}, which may count options from 0 or from 1; give "
        "--index_base 0 or 1"
    )


def _index(
    cell: Spelling | None, limit: int | None, options: Sequence[str], base: int | None
) -> int | None:
    """Return the index that a cell names, None if it names no option of its question."""
    if cell is None:
        return None
    most = limit or MOST
    if cell.number is not None:
        if base is None:
            return option_named(cell.text or str(cell.number), options)
        index = cell.number - base
        return index if 0 <= index < most else None
    if cell.letter is not None:
        if cell.text and options:
            return _agreeing(cell, options)
        return cell.letter if cell.letter < most else None
    named = option_named(cell.text, options) if options else None
    if named is not None or not cell.text:
        return named
    answer = read_answer(cell.text, LABELS[:most], options)
    return None if answer is None else answer.index


def _agreeing(cell: Spelling, options: Sequence[str]) -> int | None:
    """Return the option of ``C) text``, None if the text is that of another option than C."""
    letter = cell.letter
    named = option_named(cell.text, options)
    inside = letter is not None and letter < len(options)
    if named is None:
        return letter if inside else None
    same = inside and letter is not None and same_text(options[letter], cell.text)
    return letter if same else None


def index_of(cell: object, count: int, options: Sequence[str] = ()) -> int | None:
    """Return the option that a single cell names by letter or text; None if it names none.

    Numbers name an option only as its text: from where they count, only a column tells.
    """
    spelled = spelling_of(cell)
    if spelled is not None and spelled.number is not None and not options:
        return None
    return _index(spelled, count, options, None)
