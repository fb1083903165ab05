"""Which column of a table holds what, and the options that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...tasks.files.file_errors import DataError
from ...tasks.files.table_reader import FileTable
from ..console.declared import REQUIRED, Typed
from ..console.errors import UsageError
from ..console.options import parse_pairs
from ..store.names import check_names

COLUMN_OPTIONS = {
    "id": Typed("Column of the question's id.", default=REQUIRED),
    "topic": Typed("Column of the topic."),
    "answer": Typed("Column of the right option: its letter, number or text."),
    "prediction": Typed("Column of the model's option, likewise; empty = unparsed."),
    "correct": Typed("Column that says whether the answer was right; empty = left out."),
    "score": Typed("NAME=COLUMN: an uncertainty score under its name (repeatable).", list[str]),
    "confidence": Typed(
        "NAME=COLUMN: a confidence, 0-1, 0-100 or 45%; stored as 1 - confidence (repeatable).",
        list[str],
    ),
    "option_logits": Typed("List column, or a column per option: logits or log-probabilities."),
    "option_probs": Typed("List column, or a column per option (p_A,p_B,…): probabilities."),
    "question": Typed("Column of the question's text."),
    "options": Typed("List column of the options, or a column per option."),
    "where": Typed("COLUMN=VALUE: take only rows that hold it (repeatable).", list[str]),
    "index_base": Typed("Whether numbered options count from 0 or 1, where the data do not tell.",
                        int, min=0, max=1),
    "encoding": Typed("Encoding of a text that is not UTF-8, e.g. cp1252."),
}  # fmt: skip
SINGLE = ("id", "topic", "answer", "prediction", "correct", "question")
"""Options that name one column."""
SPREAD = ("option_logits", "option_probs", "options")
"""Options that name one column of lists, or several with one value each."""


@dataclass(frozen=True)
class TableColumns:
    """The column of each field; ``scores`` maps an estimator's name to its column."""

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
    """Column → the text that its cells must equal for a row to be imported."""
    confidences: Mapping[str, str] = field(default_factory=dict)
    index_base: int | None = None
    encoding: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> TableColumns:
        """Read the columns from the options of the command.

        Raises UsageError for options that exclude each other, and for a name given twice.
        """
        scores = parse_pairs("--score", options["score"])
        confidences = parse_pairs("--confidence", options["confidence"])
        check_names("--score", scores)
        check_names("--confidence", confidences)
        for name in scores.keys() & confidences.keys():
            raise UsageError(f"--confidence: {name!r} is given by --score too")
        if options["option_logits"] is not None and options["option_probs"] is not None:
            raise UsageError("give --option_logits or --option_probs, not both")
        named = {name: options[name] for name in (*SINGLE, *SPREAD, "index_base", "encoding")}
        where = parse_pairs("--where", options["where"])
        return cls(**named, scores=scores, confidences=confidences, where=where)

    def named(self) -> dict[str, str]:
        """Return option → column, for all that are given."""
        single = {
            f"--{name}": value
            for name in (*SINGLE, *SPREAD)
            if (value := getattr(self, name)) is not None
        }
        single |= {f"--score {name}": column for name, column in self.scores.items()}
        single |= {f"--confidence {name}": column for name, column in self.confidences.items()}
        return single | {f"--where {column}": column for column in self.where}

    def check(self, table: FileTable) -> None:
        """Raise UsageError for a column that the table lacks, or has twice."""
        for option, column in self.named().items():
            spread = option.removeprefix("--") in SPREAD
            for name in spread_columns(table, column) if spread else (column,):
                try:
                    table.check_column(name, option)
                except DataError as error:
                    raise UsageError(str(error)) from error


def spread_columns(table: FileTable, column: str) -> Sequence[str]:
    """Return the names in ``p_A,p_B,…``; the one name where the table has a column of it."""
    if column in table.columns or "," not in column:
        return (column,)
    return tuple(name.strip() for name in column.split(","))
