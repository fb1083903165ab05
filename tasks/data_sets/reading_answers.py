"""Right options of a data set: by letter, number, label or text, compared with a second column."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..files.cells import as_list, is_missing
from ..files.file_errors import DataError
from ..reading.answer_columns import read_answer_columns
from ..reading.label_spelling import option_named, same_text, spelling_of
from .reading_options import Options

ENOUGH = 30
"""Number of questions among which some answer must be the first option, if answers count from 0."""


def read_golds(
    cells: Sequence[object],
    options: Sequence[Options],
    index_base: int | None,
    where: str,
    place: Callable[[int], str],
) -> tuple[list[int | None], Sequence[str]]:
    """Return the index of each row's right option, None where the cell names none, and notes.

    Args:
        cells: The answers.
        options: The options of each row.
        index_base: From which number answers count; None: the data tell.
        where: File and column, for messages.
        place: Names a row.

    Raises:
        DataError: the data do not tell from which number answers count, or contradict it.
    """
    golds: list[int | None] = [_special(c, o) for c, o in zip(cells, options, strict=True)]
    rest = [row for row, gold in enumerate(golds) if gold is None]
    rest = [row for row in rest if options[row].labels is None and not is_missing(cells[row])]
    if not rest:
        return golds, ()
    try:
        read = read_answer_columns(
            {where: [_one(cells[row]) for row in rest]},
            [len(options[row].texts) for row in rest],
            [list(options[row].texts) for row in rest],
            index_base,
            lambda row: place(rest[row]),
        )
    except DataError as error:
        line = str(error).replace(f"column {where!r}", where)
        wanted = "--data_columns index_base=0 or index_base=1"
        raise DataError(line.replace("--index_base 0 or 1", wanted)) from error
    for row, index in zip(rest, read.indices[where], strict=True):
        golds[row] = index
    _check_zero([cells[row] for row in rest], index_base, where)
    return golds, [note.replace(f"column {where!r}", where) for note in read.notes]


def _one(cell: object) -> object:
    listed = cell if isinstance(cell, list) else None
    return listed[0] if listed is not None and len(listed) == 1 else cell


def _special(cell: object, options: Options) -> int | None:
    """Return the index that a label, or a list of one 1 among zeros, names."""
    if options.labels is not None:
        wanted = str(_one(cell)).strip()
        places = [i for i, label in enumerate(options.labels) if label == wanted]
        return places[0] if len(places) == 1 else None
    marks = as_list(cell) if not isinstance(cell, str) or cell[:1] in "[{" else None
    if marks is not None and len(marks) == len(options.texts):
        right = [place for place, mark in enumerate(marks) if mark in (1, True)]
        if len(right) == 1 and all(mark in (0, 1) for mark in marks):
            return right[0]
    return None


def _check_zero(cells: Sequence[object], index_base: int | None, where: str) -> None:
    """Refuse many answers that count from 0 by the schema, but none of which is 0."""
    spelled = [spelling_of(_one(cell)) for cell in cells]
    numbers = [one.number for one in spelled if one is not None and one.number is not None]
    if index_base == 0 and len(numbers) >= ENOUGH and 0 not in numbers:
        raise DataError(
            f"{where}: answers count from 0 in this schema, but none of {len(numbers)} is 0; say "
            "from which number they count by --data_columns index_base=0 or index_base=1"
        )


def agrees(check: object, gold: int, options: Options, base: int | None) -> bool:
    """Return whether a second column names the same option as the first; a blank one does."""
    if is_missing(check):
        return True
    check = _one(check)
    right = options.texts[gold]
    if isinstance(check, str) and (check.strip() == right.strip() or same_text(check, right)):
        return True
    said = spelling_of(check)
    if said is None:
        return True
    if said.letter is not None and not said.text:
        return said.letter == gold
    if said.number is None:
        return False
    if base is None and option_named(str(check), options.texts) is not None:
        return False  # the text of another option
    return said.number - gold in ((0, 1) if base is None else (base,))
