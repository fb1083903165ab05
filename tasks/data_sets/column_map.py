"""Which column holds what: ``question=stem,options=A+B+C+D,answer=label,topic='law'``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..files.file_errors import DataError, did_you_mean

FIELDS: Mapping[str, str] = {
    "id": "the question's id (default: its place in the file, from 0)",
    "question": "the question",
    "context": "a passage that is shown before the question",
    "options": "the options: one column with a list, or one column each, as A+B+C+D",
    "labels": "the options' own labels, which the answer then names",
    "answer": "the right option: its letter, number, label or text",
    "check": "the right option once more; where both differ, the file is refused",
    "incorrect": "the wrong options, where `answer` holds the right one's text (as A+B+C)",
    "topic": "the topic; 'law' in quotation marks is the topic law, @file the file's name",
    "source": "where a question comes from: a stratum of the report",
    "explanation": "a chain of thought, for few-shot examples",
}
"""Name of a field → what it is; `required` ones are question, answer, and options or incorrect."""
SETTINGS: Mapping[str, str] = {
    "index_base": "0 or 1: from which number the answers count",
    "preset": "the schema, where the columns do not tell",
    "name": "the data set's name, for its tasks and results",
    "header": "no: the first line of the table is a question; columns are called 1, 2, 3, …",
    "encoding": "the text's encoding, if not UTF-8",
    "bad_rows": "skip: leave rows out that cannot be read, instead of refusing the file",
}
"""Name of a setting → what it is."""
FILE = "@file"
"""In place of a column: the name of the file."""
_PAIR = re.compile(r",\s*(?=[A-Za-z_]\w*\s*=)")
_VALUES = {"index_base": ("0", "1"), "header": ("yes", "no"), "bad_rows": ("refuse", "skip")}


@dataclass(frozen=True)
class ColumnMap:
    """What the user said of a file's columns.

    Attributes:
        columns: Field → column, several with + between them, a text in quotation marks, or @file.
        settings: Setting → value.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def index_base(self) -> int | None:
        """Return from which number answers count; None if that was not said."""
        given = self.settings.get("index_base")
        return None if given is None else int(given)

    @property
    def skips(self) -> bool:
        """Return whether unreadable rows are left out."""
        return self.settings.get("bad_rows") == "skip"


def parse_columns(text: str | None, option: str = "--data_columns") -> ColumnMap:
    """Parse ``field=column,field=column``; a comma ends a column only where ``field=`` follows.

    Raises DataError for a piece of another form, an unknown or repeated field, a wrong value.
    """
    columns: dict[str, str] = {}
    settings: dict[str, str] = {}
    for piece in _PAIR.split(text or ""):
        if not piece.strip(" ,"):
            continue
        name, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or not value:
            raise DataError(f"{option}: expected field=column, got {piece.strip()!r}")
        known = {**FIELDS, **SETTINGS}
        if name not in known:
            raise DataError(
                f"{option}: unknown field {name!r}{did_you_mean(name, known)}; fields: "
                f"{', '.join(FIELDS)}; settings: {', '.join(SETTINGS)}"
            )
        if name in columns or name in settings:
            raise DataError(f"{option}: {name!r} is given twice")
        if name in _VALUES and value not in _VALUES[name]:
            raise DataError(
                f"{option}: {name}: expected {' or '.join(_VALUES[name])}, got {value!r}"
            )
        (settings if name in SETTINGS else columns)[name] = value
    return ColumnMap(columns, settings)


def constant(spec: str) -> str | None:
    """Return the text that stands in quotation marks in place of a column, else None."""
    if len(spec) > 2 and spec[0] == spec[-1] and spec[0] in "'\"":
        return spec[1:-1]
    return None
