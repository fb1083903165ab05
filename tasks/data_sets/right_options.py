"""The right option of each row, where a file names it, and names it once."""

from __future__ import annotations

from collections.abc import Mapping

from ..files.cells import is_blank, is_missing
from .column_map import ColumnMap
from .preset import Preset
from .reading_answers import agrees, read_golds
from .reading_options import Options
from .rows_left import RowsLeft, named_places

CONTRADICTIONS = 0.01
"""Largest share of rows whose two answers differ: errors of a data set, not of its reading."""
NO_ANSWER = "no right option is given"


def read_right_options(
    rows: RowsLeft, options: Mapping[int, Options], preset: Preset | None, given: ColumnMap
) -> dict[int, int]:
    """Return row → index of its right option, and keep the rows that have one.

    Raises:
        DataError: an answer names no option, or two columns of answers contradict each other.
    """
    if "incorrect" in rows.columns:
        return dict.fromkeys(rows.kept, 0)
    cells = rows.cells("answer")
    rows.leave_out(lambda row: NO_ANSWER if _is_open(cells[row], options[row]) else None)
    base = given.index_base
    if base is None and preset is not None and "answer" not in given.columns:
        base = preset.index_base
    kept = rows.kept
    read, notes = read_golds(
        [cells[row] for row in kept],
        [options[row] for row in kept],
        base,
        f"{rows.table.file}, column {rows.columns['answer']!r}",
        lambda number: rows.table.places[kept[number]],
    )
    rows.notes += notes
    found: dict[int, int] = {}
    for row, gold in zip(kept, read, strict=True):
        if gold is None:
            rows.refuse(row, "answer", _no_option(cells[row], options[row]))
        else:
            found[row] = gold
    rows.kept = list(found)
    _compare(rows, found, options, preset, given)
    return found


def _is_open(cell: object, options: Options) -> bool:
    """Whether a row has no answer: an empty cell; with labels, "NA" may be one of them."""
    return is_blank(cell) or cell == [] or (is_missing(cell) and not options.labels)


def _no_option(cell: object, options: Options) -> str:
    count = len(options.texts)
    last = chr(ord("A") + count - 1)
    known = f"a letter from A to {last}, the number or the text of one of the {count} options"
    if options.labels:
        known = f"one of the labels {', '.join(options.labels)}"
    return f"expected {known}, got {cell!r:.60}"


def _compare(
    rows: RowsLeft,
    golds: Mapping[int, int],
    options: Mapping[int, Options],
    preset: Preset | None,
    given: ColumnMap,
) -> None:
    """Compare the right options with a second column.

    A few contradictions are errors of the data set: the first column counts, which is noted.
    Raises DataError for more.
    """
    if "check" not in rows.columns:
        return
    base = preset.check_base if preset is not None and "check" not in given.columns else None
    checks, answers = rows.cells("check"), rows.cells("answer")
    wrong = [row for row, at in golds.items() if not agrees(checks[row], at, options[row], base)]
    if not wrong:
        return
    answer, check = rows.columns["answer"], rows.columns["check"]
    where = named_places(rows.table.places[row] for row in wrong)
    if len(wrong) > CONTRADICTIONS * len(golds):
        raise rows.table.fail(
            wrong[0],
            check,
            f"{checks[wrong[0]]!r:.40} contradicts {answers[wrong[0]]!r:.40} of column {answer!r} "
            f"(in {len(wrong)} of {len(golds)} rows: {where}); correct one of them, or let one "
            f"count by --data_columns answer={answer},check='none'",
        )
    rows.notes.append(
        f"column {check!r} contradicts column {answer!r} in {where}; {answer!r} counts"
    )
