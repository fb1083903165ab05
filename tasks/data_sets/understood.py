"""A data set, and how its file was understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .building import OwnQuestion
from .preset import Preset
from .rows_left import named_places


@dataclass(frozen=True)
class DataSet:
    """The questions of a file, and how they were understood.

    Attributes:
        file: The file.
        name: The data set's name, as part of the names of its tasks.
        preset: The schema; None if the columns were named one by one.
        columns: Field → column.
        questions: The questions, in the order of the file.
        left_out: Why questions are left out → their places.
        notes: What was decided or noticed, one line each.
    """

    file: Path
    name: str
    preset: Preset | None
    columns: Mapping[str, str]
    questions: Sequence[OwnQuestion]
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def title(self) -> str:
        """Return what the schema is called."""
        return "columns as given" if self.preset is None else self.preset.title

    @property
    def topics(self) -> list[str]:
        """Return the topics, in the order of the file."""
        return list(dict.fromkeys(question.topic for question in self.questions))

    @property
    def lines(self) -> list[str]:
        """Return what is said about the file: what was noticed and left out, one line each."""
        left = [
            f"questions left out, {why}: {len(places)} ({named_places(places)})"
            for why, places in self.left_out.items()
        ]
        return [*self.notes, *left]
