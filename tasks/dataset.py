"""Loading of questions: the hub's MMLU-Pro, a local file, or the embedded sample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .data_errors import DataError, did_you_mean, first_line
from .files.bounds import check_parquet
from .files.identifiers import id_text
from .jsonl import read_jsonl
from .question_row import Row
from .topics import LETTERS, MAX_OPTIONS, TOPICS

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

HUB_DATASET = "TIGER-Lab/MMLU-Pro"
EMBEDDED = "embedded"
"""``--data embedded``: the questions shipped with the package."""

REQUIRED_COLUMNS = ("question_id", "question", "options", "answer", "category")
FORMATS = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def read_questions(path: str | Path) -> list[Row]:
    """Read and validate a local file in MMLU-Pro's schema.

    Args:
        path: Parquet or JSONL file. The columns ``question_id, question, options, answer,
            category`` are required; ``answer_index, src, cot_content`` and any others are optional.
            The letter in ``answer`` takes precedence over ``answer_index``.

    Returns:
        One mapping per question, in the order of the file.

    Raises:
        DataError: the file or a row of it is invalid; the message names file, row and column.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(f"{file}: no such file; --data takes a Parquet or JSONL file")
    kind = FORMATS.get(file.suffix.lower())
    if kind is None:
        raise DataError(f"{file}: expected a .parquet or .jsonl file, got {file.suffix!r}")
    if kind == "parquet":
        by_place = _read_parquet(file)
    else:
        by_place = {f"line {number}": cast(Row, row) for number, row in read_jsonl(file).items()}
    if not by_place:
        raise DataError(f"{file}: has no rows; expected one row per question")
    rows = list(by_place.values())
    _check_columns(file, rows)
    seen: dict[object, str] = {}
    for place, row in by_place.items():
        _check_row(file, place, row)
        identity = row["question_id"]
        if identity in seen:
            raise DataError(
                f"{file}, {place}, column 'question_id': duplicate id {identity}, first in "
                f"{seen[identity]}; ids must be unique"
            )
        seen[identity] = place
    return rows


def _read_parquet(file: Path) -> dict[str, Row]:
    """Read rows by their place in the file, counted from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.stat().st_size == 0:
        raise DataError(f"{file}: is empty")
    try:
        check_parquet(file)
        table = pq.read_table(file)
        table.validate(full=True)  # else invalid text would surface only later
        rows = enumerate(table.to_pylist(), 1)
        return {f"row {number}": cast(Row, row) for number, row in rows}
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{file}: not a readable Parquet file (truncated?): {first_line(error)}"
        ) from error


def _check_columns(file: Path, rows: Sequence[Row]) -> None:
    columns = list(rows[0])
    for name in REQUIRED_COLUMNS:
        if name not in columns:
            raise DataError(
                f"{file}: column {name!r} is missing, found: {', '.join(columns)}"
                f"{did_you_mean(name, columns)}"
            )


def _check_row(file: Path, place: str, row: Row) -> None:
    def fail(column: str, message: str) -> DataError:
        return DataError(f"{file}, {place}, column {column!r}: {message}")

    for name in REQUIRED_COLUMNS:
        if row.get(name) is None:
            raise fail(name, "is missing")
    identity = id_text(row["question_id"])
    if identity is None:
        raise fail("question_id", f"expected a number or text, got {row['question_id']!r}")
    row["question_id"] = identity
    if not isinstance(row["question"], str) or not row["question"].strip():
        raise fail("question", "expected text, got nothing")
    options = row["options"]
    if not isinstance(options, list):
        raise fail("options", f"expected a list of texts, got {type(options).__name__}")
    if not all(isinstance(option, str) for option in options):
        raise fail("options", "expected a list of texts, got other things in it")
    if not 2 <= len(options) <= MAX_OPTIONS:
        raise fail("options", f"expected 2 to {MAX_OPTIONS} options, got {len(options)}")
    try:
        for text in (identity, row["question"], *options):
            str(text).encode("utf-8")
    except UnicodeEncodeError as error:
        raise fail("question", "contains invalid Unicode (a lone surrogate)") from error
    allowed = LETTERS[: len(options)]
    if row["answer"] not in allowed:
        raise fail(
            "answer",
            f"expected a letter from A to {allowed[-1]} ({len(options)} options), "
            f"got {row['answer']!r}",
        )
    if row["category"] not in TOPICS:
        topic = str(row["category"])
        raise fail("category", f"unknown topic {row['category']!r}{did_you_mean(topic, TOPICS)}")


def embedded_file(name: str) -> Path:
    """Return the path of a file of the embedded sample, e.g. ``questions.parquet``."""
    return Path(__file__).parent / "sample" / name


@lru_cache(maxsize=4)
def load_dataset(data: str | None = None, fewshot_data: str | None = None) -> DatasetDict:
    """Load questions and few-shot examples in MMLU-Pro's schema.

    Args:
        data: local file, ``"embedded"``, or None for the data set of the hub.
        fewshot_data: local file with the few-shot examples; by default those of the hub or the
            embedded sample, and none for a local file.

    Returns:
        A ``datasets.DatasetDict`` with splits ``test`` (questions) and ``validation`` (examples).
    """
    import datasets

    if data is None:
        loaded = datasets.load_dataset(HUB_DATASET)
        return loaded if fewshot_data is None else _with_fewshot(loaded["test"], fewshot_data)
    if data == EMBEDDED:
        data = str(embedded_file("questions.parquet"))
        fewshot_data = fewshot_data or str(embedded_file("examples.parquet"))
    test = _dataset(read_questions(data))
    return _with_fewshot(test, fewshot_data)


def _with_fewshot(test: Dataset, fewshot_data: str | None) -> DatasetDict:
    import datasets

    examples = test.select([]) if fewshot_data is None else _dataset(read_questions(fewshot_data))
    return datasets.DatasetDict({"test": test, "validation": examples})


def _dataset(rows: list[Row]) -> Dataset:
    import datasets

    columns = list(dict.fromkeys([*REQUIRED_COLUMNS, "src", "cot_content", *rows[0]]))
    columns.remove("answer_index") if "answer_index" in columns else None
    return datasets.Dataset.from_dict({name: [row.get(name) for row in rows] for name in columns})
