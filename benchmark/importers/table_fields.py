"""The fields of a table: ids, topics, options and distributions, checked cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...tasks.files.cells import as_list, is_blank
from ...tasks.files.file_errors import DataError
from ...tasks.files.identifiers import id_text, id_texts
from ...tasks.files.table_reader import FileTable
from ...tasks.reading.answer_columns import MOST
from ..recordings.option_mass import (
    Distributions,
    distributions_of_logits,
    distributions_of_probs,
    read_columns,
    read_lists,
)
from ..recordings.recorded import UNKNOWN_TOPIC
from .table_columns import TableColumns, spread_columns


def cells_of(
    table: FileTable, column: str
) -> tuple[list[object], str, Callable[[int, str], DataError]]:
    """Return a column's cells, the table's delimiter, and how to word an error in it."""
    return table.column(column), table.delimiter, failure(table, column)


def failure(table: FileTable, column: str) -> Callable[[int, str], DataError]:
    """Return how to word an error in a cell of a column."""
    return lambda row, message: table.fail(row, column, message)


def read_ids(table: FileTable, column: str, notes: list[str]) -> list[str | None]:
    """Read the ids as text."""
    ids, shortened = id_texts(table.ids(column))
    if shortened:
        notes.append(f"column {column!r}: ids are whole numbers, so that their .0 is left out")
    return ids


def chosen_rows(
    table: FileTable, ids: Sequence[str | None], where: Mapping[str, str]
) -> tuple[FileTable, list[str]]:
    """Return the rows that are wanted, which need ids."""
    kept = list(range(len(table.rows)))
    for column, wanted in where.items():
        cells = table.column(column)
        kept = [row for row in kept if wanted in (str(cells[row]), id_text(cells[row]))]
    return (
        replace(
            table,
            rows=[table.rows[row] for row in kept],
            places=[table.places[row] for row in kept],
        ),
        [ids[row] or "" for row in kept],
    )


def check_unique(table: FileTable, column: str, ids: Sequence[str]) -> None:
    """Raise DataError for an id that is missing or occurs twice."""
    seen: dict[str, int] = {}
    for row, identity in enumerate(ids):
        if not identity:
            raise table.fail(row, column, "is missing, or no id")
        if identity in seen:
            first = table.places[seen[identity]]
            raise table.fail(row, column, f"duplicate id {identity}, first in {first}")
        seen[identity] = row


def read_topics(table: FileTable, columns: TableColumns) -> list[str]:
    """Read the topics; every name is one, such as "None"."""
    if columns.topic is None:
        return [UNKNOWN_TOPIC] * len(table.rows)
    cells = table.column(columns.topic)
    for row, cell in enumerate(cells):
        if is_blank(cell):
            raise table.fail(row, columns.topic, "is missing")
    return [id_text(cell) or str(cell) for cell in cells]


def read_options(table: FileTable, columns: TableColumns) -> list[list[str] | None]:
    """Read the options' texts, of a column of lists or of a column for each."""
    if columns.options is None:
        return [None] * len(table.rows)
    names = spread_columns(table, columns.options)
    if len(names) > 1:
        cells: list[Any] = [list(row) for row in zip(*map(table.column, names), strict=True)]
        for values in cells:
            while values and is_blank(values[-1]):
                values.pop()
    else:
        cells = table.column(names[0])
    found: list[list[str] | None] = []
    for row, cell in enumerate(cells):
        texts = None if is_blank(cell) else _texts(cell)
        if texts is None and not is_blank(cell):
            raise table.fail(row, columns.options, f"expected a list, got {str(cell)[:40]!r}")
        if texts is not None and not 1 <= len(texts) <= MOST:
            raise table.fail(
                row, columns.options, f"expected 1 to {MOST} options, got {len(texts)}"
            )
        found.append(texts)
    return found


def _texts(cell: object) -> list[str] | None:
    """Return the options' texts; ``{"text": […], "label": […]}`` is a list of texts too."""
    if isinstance(cell, Mapping) and isinstance(cell.get("text"), list):
        cell = cell["text"]
    texts = as_list(cell)
    return None if texts is None else [str(text) for text in texts]


def read_distributions(
    table: FileTable, columns: TableColumns, notes: list[str]
) -> Distributions | None:
    """Read the distributions over the options, if a column has them."""
    column = columns.option_logits or columns.option_probs
    if column is None:
        return None
    names = spread_columns(table, column)
    fail = failure(table, column)
    if len(names) > 1:
        rows = read_columns([table.column(name) for name in names], fail)
    else:
        rows = read_lists(table.column(column), fail)
    read = distributions_of_probs if columns.option_logits is None else distributions_of_logits
    try:
        masses = read(rows, table.places, fail)
    except DataError as error:
        if str(error).startswith(str(table.file)):
            raise
        raise DataError(f"{table.file}, column {column!r}: {error}") from error
    notes += masses.notes
    return masses


def option_counts(
    table: FileTable,
    columns: TableColumns,
    options: Sequence[Sequence[str] | None],
    masses: Distributions | None,
) -> list[int | None]:
    """Return the number of options per row, where it is known."""
    logprobs = [None] * len(table.rows) if masses is None else masses.logprobs
    counts: list[int | None] = []
    for row, (texts, values) in enumerate(zip(options, logprobs, strict=True)):
        if values is not None and len(values) > MOST:
            column = columns.option_logits or columns.option_probs or ""
            raise table.fail(row, column, f"expected 1 to {MOST} values, got {len(values)}")
        if texts is not None and values is not None and len(texts) != len(values):
            raise table.fail(
                row,
                columns.options or "",
                f"has {len(texts)} options, but there are probabilities of {len(values)}",
            )
        known = texts if texts is not None else values
        counts.append(None if known is None else len(known))
    return counts
