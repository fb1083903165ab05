"""Loading of questions: the hub's MMLU-Pro, a local file, or the embedded sample."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .data_sets.data_set import read_data_set
from .question_row import Row
from .topics import LETTERS

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

HUB_DATASET = "TIGER-Lab/MMLU-Pro"
EMBEDDED = "embedded"
"""``--data embedded``: the questions shipped with the package."""

COLUMNS = ("question_id", "question", "options", "answer", "category", "src", "cot_content")
"""The columns of a question."""


def read_questions(path: str | Path, data_columns: str | None = None) -> list[Row]:
    """Read a local file of questions, in any schema that is known or described.

    Args:
        path: A table: CSV, JSON, JSON Lines, Parquet, Excel, compressed or not.
        data_columns: What its columns are, see `column_map.parse_columns`; by default as its
            schema says.

    Returns:
        One mapping per question in MMLU-Pro's schema, in the order of the file.

    Raises:
        DataError: the file or a row of it is invalid; the message names file, row and column.
    """
    return [
        Row(
            question_id=question.question_id,
            question=question.question,
            options=list(question.options),
            answer=LETTERS[question.answer],
            category=question.topic,
            src=question.source,
            cot_content=question.explanation,
        )
        for question in read_data_set(Path(path), data_columns).questions
    ]


def embedded_file(name: str) -> Path:
    """Return the path of a file of the embedded sample, e.g. ``questions.parquet``."""
    return Path(__file__).parent / "sample" / name


@lru_cache(maxsize=4)
def load_dataset(
    data: str | None = None, fewshot_data: str | None = None, data_columns: str | None = None
) -> DatasetDict:
    """Load questions and few-shot examples in MMLU-Pro's schema.

    Args:
        data: local file, ``"embedded"``, or None for the data set of the hub.
        fewshot_data: local file with the few-shot examples; by default those of the hub or the
            embedded sample, and none for a local file.
        data_columns: what the columns of local files are.

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
    test = _dataset(read_questions(data, data_columns))
    return _with_fewshot(test, fewshot_data, data_columns)


def _with_fewshot(
    test: Dataset, fewshot_data: str | None, data_columns: str | None = None
) -> DatasetDict:
    import datasets

    examples = test.select([])
    if fewshot_data is not None:
        examples = _dataset(read_questions(fewshot_data, data_columns))
    return datasets.DatasetDict({"test": test, "validation": examples})


def _dataset(rows: list[Row]) -> Dataset:
    import datasets

    return datasets.Dataset.from_dict({name: [row.get(name) for row in rows] for name in COLUMNS})
