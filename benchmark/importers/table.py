"""``apprehend import table``: recorded answers in a table of any format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...estimators.signals.batch import Signal, Status
from ...tasks.files.cells import as_list, is_blank
from ...tasks.files.file_errors import DataError
from ...tasks.files.identifiers import id_text, id_texts
from ...tasks.files.table_reader import FileTable, is_table_name, read_table_file
from ...tasks.reading.answer_columns import MOST, ReadColumns, read_answer_columns
from ..console.errors import ApprehendError, UsageError
from ..recordings.option_mass import (
    Distributions,
    distributions_of_logits,
    distributions_of_probs,
    read_columns,
    read_lists,
)
from ..recordings.outcomes import check_consistent, read_outcomes
from ..recordings.recorded import UNKNOWN_TOPIC, ImportedQuestion, Recording
from ..recordings.score_columns import read_confidences, read_scores
from .importer import Importer, one_file
from .table_columns import COLUMN_OPTIONS, TableColumns, spread_columns


def read_table(file: Path, columns: TableColumns) -> list[ImportedQuestion]:
    """Read the rows of a table as recorded answers, see `record_table`."""
    return list(record_table(file, columns).questions)


def record_table(file: Path, columns: TableColumns) -> Recording:
    """Read the rows of a table as recorded answers, checked column by column.

    Raises UsageError for a missing column, ApprehendError or DataError with file, row and column
    for an invalid cell.
    """
    table = read_table_file(file, columns.encoding)
    columns.check(table)
    if columns.correct is None and columns.answer is None:
        raise UsageError("give --answer (the gold option) or --correct (whether it was right)")
    notes: list[str] = []
    found = _ids(table, columns.id, notes)
    table, ids = _chosen(table, found, columns.where)
    if not table.rows:
        raise ApprehendError(f"{file}: no rows" + (" with that --where" if columns.where else ""))
    _check_unique(table, columns.id, ids)
    options = _options(table, columns)
    masses = _distributions(table, columns, notes)
    counts = _counts(table, columns, options, masses)
    answers = _answers(table, columns, counts, options, notes)
    questions = [
        ImportedQuestion(id, topic, None, None, place=place)
        for id, topic, place in zip(ids, _topics(table, columns), table.places, strict=True)
    ]
    _fill(questions, "options", options)
    if masses is not None:
        _fill(questions, "option_logprobs", masses.logprobs)
        _fill(questions, "missing_mass", masses.missing_mass)
    if columns.question is not None:
        texts = table.column(columns.question)
        _fill(questions, "question", [None if is_blank(c) else str(c) for c in texts])
    _set_answers(table, columns, questions, answers)
    _set_outcomes(table, columns, questions, answers, notes)
    for name, column in columns.scores.items():
        _set_scores(questions, name, read_scores(*_cells(table, column)))
    for name, column in columns.confidences.items():
        _set_scores(questions, name, read_confidences(*_cells(table, column)))
    return Recording([file], Signal.ANSWER, questions, notes=notes,
                     confidences=tuple(columns.confidences))  # fmt: skip


def _cells(
    table: FileTable, column: str
) -> tuple[list[object], str, Callable[[int, str], DataError]]:
    return table.column(column), table.delimiter, _fail(table, column)


def _fail(table: FileTable, column: str) -> Callable[[int, str], DataError]:
    return lambda row, message: table.fail(row, column, message)


def _ids(table: FileTable, column: str, notes: list[str]) -> list[str | None]:
    ids, shortened = id_texts(table.ids(column))
    if shortened:
        notes.append(f"column {column!r}: ids are whole numbers, so that their .0 is left out")
    return ids


def _chosen(
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


def _check_unique(table: FileTable, column: str, ids: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for row, identity in enumerate(ids):
        if not identity:
            raise table.fail(row, column, "is missing, or no id")
        if identity in seen:
            first = table.places[seen[identity]]
            raise table.fail(row, column, f"duplicate id {identity}, first in {first}")
        seen[identity] = row


def _topics(table: FileTable, columns: TableColumns) -> list[str]:
    if columns.topic is None:
        return [UNKNOWN_TOPIC] * len(table.rows)
    cells = table.column(columns.topic)
    for row, cell in enumerate(cells):
        if is_blank(cell):
            raise table.fail(row, columns.topic, "is missing")
    return [id_text(cell) or str(cell) for cell in cells]


def _options(table: FileTable, columns: TableColumns) -> list[list[str] | None]:
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


def _distributions(
    table: FileTable, columns: TableColumns, notes: list[str]
) -> Distributions | None:
    column = columns.option_logits or columns.option_probs
    if column is None:
        return None
    names = spread_columns(table, column)
    fail = _fail(table, column)
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


def _counts(
    table: FileTable,
    columns: TableColumns,
    options: Sequence[Sequence[str] | None],
    masses: Distributions | None,
) -> list[int | None]:
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


def _answers(
    table: FileTable,
    columns: TableColumns,
    counts: Sequence[int | None],
    options: Sequence[Sequence[str] | None],
    notes: list[str],
) -> ReadColumns:
    names = {columns.answer, columns.prediction} - {None}
    ordered = [name for name in (columns.answer, columns.prediction) if name in names]
    cells = {name: table.column(name) for name in ordered if name is not None}
    try:
        found = read_answer_columns(
            cells, counts, options, columns.index_base, place=lambda row: table.places[row]
        )
    except DataError as error:
        raise DataError(f"{table.file}, {error}") from error
    notes += found.notes
    return found


def _set_answers(
    table: FileTable,
    columns: TableColumns,
    questions: Sequence[ImportedQuestion],
    answers: ReadColumns,
) -> None:
    if columns.answer is not None:
        golds, blank = answers.indices[columns.answer], answers.missing[columns.answer]
        for row, (gold, empty) in enumerate(zip(golds, blank, strict=True)):
            if gold is None and not empty:
                raise table.fail(
                    row, columns.answer, _no_option(table, row, columns, questions[row])
                )
        _fill(questions, "gold", golds)
    if columns.prediction is not None:
        _fill(questions, "answer", answers.indices[columns.prediction])
        cells = table.column(columns.prediction)
        for row, empty in enumerate(answers.missing[columns.prediction]):
            if questions[row].answer is None and not empty:
                questions[row].said = str(cells[row])[:200]
        return
    for question in questions:
        if question.option_logprobs is not None:
            question.answer = int(np.argmax(question.option_logprobs))


def _no_option(
    table: FileTable, row: int, columns: TableColumns, question: ImportedQuestion
) -> str:
    cell = table.column(columns.answer or "")[row]
    known = question.options if question.options is not None else question.option_logprobs
    what = f"one of the question's {len(known)} options" if known is not None else "an option"
    shown = str(cell)
    line = f"expected {what} by its letter, number or text, got {shown[:60]!r}"
    return (
        line
        if question.options is not None or len(shown) < 3
        else (f"{line}; --options names the column of the options, for answers that are their text")
    )


def _set_outcomes(
    table: FileTable,
    columns: TableColumns,
    questions: Sequence[ImportedQuestion],
    answers: ReadColumns,
    notes: list[str],
) -> None:
    has_answers = columns.prediction is not None or any(q.answer is not None for q in questions)
    if columns.correct is None:
        if not has_answers:
            raise UsageError("give --prediction, --option_logits or --option_probs beside --answer")
        for question in questions:
            if question.gold is not None:
                question.correct = question.answer == question.gold
        return
    outcomes = read_outcomes(table.column(columns.correct), _fail(table, columns.correct))
    _fill(questions, "correct", outcomes)
    if columns.answer is not None and has_answers:
        said = columns.prediction or columns.option_logits or columns.option_probs or ""
        warning = check_consistent(
            outcomes,
            [question.gold for question in questions],
            [question.answer for question in questions],
            table.places,
            (f"--correct {columns.correct}", f"--answer {columns.answer}", f"prediction {said}"),
        )
        if warning is not None:
            notes.append(warning)
    if columns.prediction is None:
        for question in questions:
            if question.answer is None:
                question.status = Status.PARSED


def _fill(questions: Sequence[ImportedQuestion], name: str, values: Sequence[object]) -> None:
    for question, value in zip(questions, values, strict=True):
        setattr(question, name, value)


def _set_scores(questions: Sequence[ImportedQuestion], name: str, values: Sequence[float]) -> None:
    for question, value in zip(questions, values, strict=True):
        question.scores[name] = value


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    columns = TableColumns.of(options)
    recording = record_table(one_file(paths), columns)
    origin = {"columns": columns.named(), "where": dict(columns.where)}
    yield replace(recording, origin=origin)


IMPORTER = Importer(
    name="table",
    summary="Answers in a table, one row per question.",
    files="CSV, TSV, JSON, JSONL, Parquet, .xlsx or .ods; also .gz, .zst, .bz2, .xz, .zip.",
    recognizes=lambda path: is_table_name(path.name),
    read=_read_paths,
    options=COLUMN_OPTIONS,
    task="imported",
    rank=9,
)
