"""``apprehend import table``: recorded answers in a table of any format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...estimators.signals.batch import Signal, Status
from ...tasks.files.cells import is_blank
from ...tasks.files.file_errors import DataError
from ...tasks.files.table_reader import FileTable, is_table_name, read_table_file
from ...tasks.reading.answer_columns import ReadColumns, read_answer_columns
from ..console.errors import ApprehendError, UsageError
from ..recordings.outcomes import check_consistent, read_outcomes
from ..recordings.recorded import ImportedQuestion, Recording
from ..recordings.score_columns import read_confidences, read_scores
from .importer import Importer, one_file
from .table_columns import COLUMN_OPTIONS, TableColumns
from .table_fields import (
    cells_of,
    check_unique,
    chosen_rows,
    failure,
    option_counts,
    read_distributions,
    read_ids,
    read_options,
    read_topics,
)


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
    found = read_ids(table, columns.id, notes)
    table, ids = chosen_rows(table, found, columns.where)
    if not table.rows:
        raise ApprehendError(f"{file}: no rows" + (" with that --where" if columns.where else ""))
    check_unique(table, columns.id, ids)
    options = read_options(table, columns)
    masses = read_distributions(table, columns, notes)
    counts = option_counts(table, columns, options, masses)
    answers = _answers(table, columns, counts, options, notes)
    questions = [
        ImportedQuestion(id, topic, None, None, place=place)
        for id, topic, place in zip(ids, read_topics(table, columns), table.places, strict=True)
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
        _set_scores(questions, name, read_scores(*cells_of(table, column)))
    for name, column in columns.confidences.items():
        _set_scores(questions, name, read_confidences(*cells_of(table, column)))
    return Recording([file], Signal.ANSWER, questions, notes=notes,
                     confidences=tuple(columns.confidences))  # fmt: skip


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
    outcomes = read_outcomes(table.column(columns.correct), failure(table, columns.correct))
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
