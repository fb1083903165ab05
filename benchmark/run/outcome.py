"""What a run did."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..console.errors import ApprehendError
from ..endpoints.budget import Budget
from ..score.scoring import Scored


@dataclass
class RunOutcome:
    """Per store what was scored, and what went wrong without stopping the run."""

    scored: dict[Path, Scored] = field(default_factory=dict)
    merged: dict[Path, int] = field(default_factory=dict)
    """Store → rows that came from shards."""
    problems: list[str] = field(default_factory=list)
    collected: int = 0
    """Questions without an answer when the run began."""
    reported: bool = False
    budget: Budget = field(default_factory=Budget)

    def raise_problems(self) -> None:
        """Raise ApprehendError at the very end where something went wrong."""
        if self.problems:
            done = "stored and reported" if self.reported else "stored"
            raise ApprehendError("; ".join(self.problems) + f" (all else is {done})")
