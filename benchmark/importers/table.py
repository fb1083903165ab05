"""``apprehend import table``: recorded answers in CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from ...estimators.signals.batch import Signal, Status
from ..console.declared import REQUIRED, Typed
from ..console.errors import ApprehendError, UsageError, did_you_mean
from ..console.options import parse_pairs
from ..store.names import check_names
from .common import (
    UNKNOWN_TOPIC,
    ImportedQuestion,
    fail,
    is_missing,
    log_softmax,
    option_index,
    place_of,
    truth,
)
from .importer import Importer, Recording, one_file
from .table_files import FORMATS, read_frame

OPTIONS = {
    "id": Typed("Column of the question's id.", default=REQUIRED),
    "topic": Typed("Column of the topic."),
    "answer": Typed("Column of the right option: letter or index from 0."),
    "prediction": Typed("Column of the model's option; empty = unparsed."),
    "correct": Typed("Column that says whether the answer was right."),
    "score": Typed("NAME=COLUMN: an uncertainty score under its name (repeatable).", list[str]),
    "option_logits": Typed("List column: a logit per option."),
    "option_probs": Typed("List column: probabilities."),
    "question": Typed("Column of the question's text."),
    "options": Typed("List column of the options."),
    "where": Typed("COLUMN=VALUE: take only rows that hold it (repeatable).", list[str]),
}
_COLUMNS = [name for name, option in OPTIONS.items() if option.kind is str]


@dataclass(frozen=True)
class TableColumns:
    """Which column holds what; ``scores`` maps an estimator's name to its column."""

    id: str
    topic: str | None = None
    answer: str | None = None
    prediction: str | None = None
    correct: str | None = None
    scores: Mapping[str, str] = field(default_factory=dict)
    option_logits: str | None = None
    option_probs: str | None = None
    question: str | None = None
    options: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    """Column → the text that its cells must equal for a row to be taken."""

    def named(self) -> dict[str, str]:
        """Option → column, of all that are given."""
        single = {
            f"--{name}": value for name in _COLUMNS if (value := getattr(self, name)) is not None
        }
        single |= {f"--score {name}": column for name, column in self.scores.items()}
        return single | {f"--where {column}": column for column in self.where}


def read_table(file: Path, columns: TableColumns) -> list[ImportedQuestion]:
    """Rows of a table as recorded answers, checked row by row.

    Raises UsageError for a column that is not there, ApprehendError with file, row and column for
    a cell that cannot be read.
    """
    frame = read_frame(file)
    for option, column in columns.named().items():
        if column not in frame.columns:
            raise UsageError(
                f"{option}: {file} has no column {column!r}, found: "
                f"{', '.join(map(str, frame.columns))}{did_you_mean(column, frame.columns)}"
            )
    if columns.correct is None and columns.answer is None:
        raise UsageError("give --answer (the gold option) or --correct (whether it was right)")
    frame = frame.reset_index(drop=True)
    for column, wanted in columns.where.items():
        frame = frame[frame[column].astype(str) == wanted]
    if not len(frame):
        raise ApprehendError(f"{file}: no rows" + (" with that --where" if columns.where else ""))
    seen: dict[int | str, int] = {}
    questions = []
    records = cast("list[dict[str, object]]", frame.to_dict("records"))
    for row, cells in zip(frame.index.tolist(), records, strict=True):
        question = _read_row(file, row, cells, columns)
        if question.question_id in seen:
            raise fail(
                file,
                row,
                columns.id,
                f"duplicate id {question.question_id!r}, first in "
                f"{place_of(file, seen[question.question_id])}",
            )
        seen[question.question_id] = row
        questions.append(question)
    return questions


def _read_row(
    file: Path, row: int, cells: Mapping[str, object], columns: TableColumns
) -> ImportedQuestion:
    identity = cells[columns.id]
    if is_missing(identity):
        raise fail(file, row, columns.id, "is missing")
    if isinstance(identity, float) and identity.is_integer():
        identity = int(identity)
    logprobs = _logprobs(file, row, cells, columns)
    options = _options(file, row, cells, columns)
    count = len(logprobs) if logprobs is not None else None if options is None else len(options)
    gold = _gold(file, row, cells, columns, count)
    answer = _answer(cells, columns, logprobs, count)
    correct, status = _outcome(file, row, cells, columns, gold, answer)
    topic = UNKNOWN_TOPIC if columns.topic is None else cells[columns.topic]
    if is_missing(topic):
        raise fail(file, row, str(columns.topic), "is missing")
    text = None if columns.question is None else cells[columns.question]
    return ImportedQuestion(
        question_id=identity if isinstance(identity, int) else str(identity),
        topic=str(topic),
        answer=answer,
        correct=correct,
        gold=gold,
        option_logprobs=logprobs,
        scores={name: _number(file, row, cells, column) for name, column in columns.scores.items()},
        question=None if is_missing(text) else str(text),
        options=options,
        status=status,
    )


def _number(file: Path, row: int, cells: Mapping[str, object], column: str) -> float:
    cell = cells[column]
    if is_missing(cell):
        return math.nan
    try:
        return float(cast(float, cell))
    except (TypeError, ValueError, OverflowError):
        raise fail(file, row, column, f"expected a number, got {cell!r}") from None


def _list(file: Path, row: int, column: str, cell: object) -> list[object]:
    if isinstance(cell, str):
        text = cell
        try:
            cell = json.loads(text)
        except (ValueError, RecursionError):
            raise fail(file, row, column, f"expected a list, got text {text[:40]!r}") from None
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if not isinstance(cell, list) or not cell:
        raise fail(file, row, column, f"expected a list, got {type(cell).__name__}")
    return cell


def _options(
    file: Path, row: int, cells: Mapping[str, object], columns: TableColumns
) -> list[str] | None:
    if columns.options is None or is_missing_list(cells[columns.options]):
        return None
    return [str(option) for option in _list(file, row, columns.options, cells[columns.options])]


def is_missing_list(cell: object) -> bool:
    """Whether a list cell holds nothing."""
    return not isinstance(cell, list | np.ndarray) and is_missing(cell)


def _logprobs(
    file: Path, row: int, cells: Mapping[str, object], columns: TableColumns
) -> list[float] | None:
    column = columns.option_logits or columns.option_probs
    if column is None or is_missing_list(cells[column]):
        return None
    try:
        values = [
            math.nan if v is None else float(cast(float, v))
            for v in _list(file, row, column, cells[column])
        ]
    except (TypeError, ValueError, OverflowError):
        raise fail(file, row, column, "expected numbers in the list") from None
    if any(math.isnan(value) or value == math.inf for value in values):
        raise fail(file, row, column, "holds a value that is no number")
    if columns.option_logits is not None:
        if max(values) == -math.inf:
            raise fail(file, row, column, "holds no finite logit")
        return log_softmax(values)
    if any(not 0.0 <= value <= 1.0 for value in values) or sum(values) > 1.0 + 1e-6:
        raise fail(file, row, column, "expected probabilities that sum to at most 1")
    return [math.log(value) if value > 0 else -math.inf for value in values]


def _gold(
    file: Path, row: int, cells: Mapping[str, object], columns: TableColumns, count: int | None
) -> int | None:
    if columns.answer is None or is_missing(cells[columns.answer]):
        return None
    gold = option_index(cells[columns.answer])
    if gold is None:
        raise fail(
            file,
            row,
            columns.answer,
            f"expected an option's letter or index, got {cells[columns.answer]!r}",
        )
    if gold >= (count or 25):
        raise fail(
            file,
            row,
            columns.answer,
            f"{cells[columns.answer]!r} is beyond the question's {count or 25} options",
        )
    return gold


def _answer(
    cells: Mapping[str, object],
    columns: TableColumns,
    logprobs: list[float] | None,
    count: int | None,
) -> int | None:
    if columns.prediction is not None:
        answer = option_index(cells[columns.prediction])
        return answer if answer is not None and answer < (count or 25) else None
    return None if logprobs is None else int(np.argmax(logprobs))


def _outcome(
    file: Path,
    row: int,
    cells: Mapping[str, object],
    columns: TableColumns,
    gold: int | None,
    answer: int | None,
) -> tuple[bool | None, Status | None]:
    if columns.correct is not None:
        cell = cells[columns.correct]
        correct = truth(cell)
        if correct is None:
            raise fail(file, row, columns.correct, f"expected true or false, got {cell!r}")
        no_answers = columns.prediction is None and answer is None
        return correct, Status.PARSED if no_answers else None
    if gold is None:
        return None, None
    if columns.prediction is None and answer is None:
        raise UsageError("give --prediction, --option_logits or --option_probs beside --answer")
    return answer == gold, None


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    given = {name: options[name] for name in _COLUMNS}
    scores = parse_pairs("--score", options["score"])
    check_names("--score", scores)
    if given["option_logits"] is not None and given["option_probs"] is not None:
        raise UsageError("give --option_logits or --option_probs, not both")
    where = parse_pairs("--where", options["where"])
    file = one_file(paths)
    columns = TableColumns(**given, scores=scores, where=where)
    questions = read_table(file, columns)
    origin = {"columns": columns.named(), "where": where}
    yield Recording([file], Signal.ANSWER, questions, origin=origin)


IMPORTER = Importer(
    name="table",
    summary="Answers in a table, one row per question.",
    files="A CSV, TSV, JSONL or Parquet file.",
    recognizes=lambda path: path.suffix.lower() in FORMATS,
    read=_read_paths,
    options=OPTIONS,
    task="imported",
)
