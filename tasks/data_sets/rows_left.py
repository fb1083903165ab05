"""The rows of a table that are still questions, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..files.cells import is_blank
from ..files.file_errors import DataError
from ..files.identifiers import id_texts
from ..files.table_reader import FileTable
from .column_cells import cells_of, ids_of, text_of
from .reading_options import Options, read_options

SKIP = "; correct it, or leave such rows out by --data_columns bad_rows=skip"
FIRST = 3
"""Number of places that a line names."""


def named_places(places: Iterable[str]) -> str:
    """Return the first places of a list, and how many more there are."""
    listed = list(places)
    more = len(listed) - FIRST
    return ", ".join(listed[:FIRST]) + (f" and {more} more" if more > 0 else "")


class NoQuestionError(DataError):
    """All rows of a file are left out; ``left_out`` says why, with their places."""

    left_out: Mapping[str, Sequence[str]]


class RowsLeft:
    """Rows that are still in (``kept``), why others are out, and what was noticed."""

    def __init__(self, table: FileTable, columns: Mapping[str, str], skip: bool) -> None:
        self.table = table
        self.columns = columns
        self.skip = skip
        self.kept = list(range(len(table.rows)))
        self.left_out: dict[str, list[str]] = {}
        self.notes: list[str] = []
        self._cells: dict[str, list[object]] = {}

    def cells(self, name: str) -> list[object]:
        """Return a field's cells; None in every row if the file does not have it."""
        if name not in self.columns:
            return [None] * len(self.table.rows)
        if name not in self._cells:
            read = ids_of if name == "id" else cells_of
            self._cells[name] = read(self.table, self.columns[name], f"--data_columns {name}")
        return self._cells[name]

    def leave_out(self, why_not: Callable[[int], str | None]) -> None:
        """Leave out the rows for which there is a reason."""
        reasons = {row: why_not(row) for row in self.kept}
        for row, why in reasons.items():
            if why is not None:
                self.left_out.setdefault(why, []).append(self.table.places[row])
        self.kept = [row for row, why in reasons.items() if why is None]

    def refuse(self, row: int, name: str, message: str) -> None:
        """Raise DataError for a row, or count it as left out if unreadable rows are skipped."""
        column = self.columns.get(name, name)
        if not self.skip:
            raise self.table.fail(row, column, message + SKIP)
        why = f"column {column!r} cannot be read"
        self.left_out.setdefault(why, []).append(self.table.places[row])

    def none_left(self) -> NoQuestionError:
        """Return the error for a file without a question."""
        why = "; ".join(f"{why} ({named_places(at)})" for why, at in self.left_out.items())
        error = NoQuestionError(f"{self.table.file}: no question is left: {why}")
        error.left_out = self.left_out
        return error


def read_ids(rows: RowsLeft) -> dict[int, str]:
    """Return row → id, and keep the rows that have one of their own."""
    if "id" not in rows.columns:
        return {row: str(row) for row in rows.kept}
    texts, whole = id_texts(rows.cells("id"))
    if whole:
        rows.notes.append(f"column {rows.columns['id']!r}: ids are whole numbers, without their .0")
    seen: dict[str, int] = {}
    for row in rows.kept:
        text, cell = texts[row], rows.cells("id")[row]
        if text is None and is_blank(cell):
            rows.refuse(row, "id", "is missing")
        elif text is None:
            rows.refuse(row, "id", f"expected a number or text, got {cell!r:.40}")
        elif text in seen:
            rows.refuse(
                row,
                "id",
                f"duplicate id {text}, first in {rows.table.places[seen[text]]}; ids must be "
                "unique (a number and its text are the same id)",
            )
        else:
            seen[text] = row
    rows.kept = list(seen.values())
    return {row: text for text, row in seen.items()}


def read_texts(rows: RowsLeft) -> dict[int, str]:
    """Return row → question, with the passage before it, and keep the rows that have one."""
    questions, contexts = rows.cells("question"), rows.cells("context")
    found: dict[int, str] = {}
    for row in rows.kept:
        text = text_of(questions[row])
        if text is None or not text.strip():
            rows.refuse(row, "question", "expected text, got nothing")
            continue
        context = (text_of(contexts[row]) or "").strip()
        found[row] = f"{context}\n\n{text}" if context else text
    rows.kept = list(found)
    return found


def read_all_options(rows: RowsLeft, texts: Mapping[int, str]) -> dict[int, Options]:
    """Return row → options, and keep the rows that have some."""
    labels = rows.cells("labels")
    name = "incorrect" if "incorrect" in rows.columns else "options"
    cells = rows.cells(name)
    if name == "incorrect":
        wrong = [cell if isinstance(cell, list) else [cell] for cell in cells]
        cells = [[right, *row] for right, row in zip(rows.cells("answer"), wrong, strict=True)]
    found: dict[int, Options] = {}
    for row in rows.kept:
        try:
            options = read_options(cells[row], labels[row])
            "\n".join([texts[row], *options.texts]).encode("utf-8")
        except UnicodeEncodeError:
            rows.refuse(row, "question", "contains invalid Unicode (a lone surrogate)")
        except ValueError as error:
            rows.refuse(row, name, str(error))
        else:
            found[row] = options
    rows.kept = list(found)
    return found
