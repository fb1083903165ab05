"""The outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..console.errors import ApprehendError
from ..console.options import say
from ..endpoints.budget import Budget
from ..score.scoring import Scored


@dataclass
class RunOutcome:
    """What was scored per store, and what failed without stopping the run."""

    scored: dict[Path, Scored] = field(default_factory=dict)
    merged: dict[Path, int] = field(default_factory=dict)
    """Store → number of rows merged from shards."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is stored but could not be read: no failure, since asking again would not help."""
    collected: int = 0
    """Number of questions without an answer at the start of the run."""
    reported: bool = False
    budget: Budget = field(default_factory=Budget)

    def raise_problems(self) -> None:
        """Print the notes; raise ApprehendError, at the very end, if anything failed."""
        for note in self.notes:
            say(f"note: {note}")
        if self.problems:
            done = "stored and reported" if self.reported else "stored"
            raise ApprehendError("; ".join(self.problems) + f" (all else is {done})")
