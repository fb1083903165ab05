"""What a run is asked to do, and what it works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ..endpoints.budget import Budget
from ..judges.judge_options import JudgeOptions
from ..score.scoring import Scored
from ..store.task_store import TaskStore
from .task_loading import LoadedTask, Question


class Overwrite(str, Enum):
    """What a run does with signals that are stored already."""

    ONLY_MISSING = "only-missing"
    """Keep them, collect the others."""
    ALWAYS = "always"
    """Set them aside and collect all anew."""
    NEVER = "never"
    """Refuse to run where there are any."""
    ONLY_CACHE = "only-cache"
    """Load no model; score what is there and name what is missing."""


def _option(rows: bool, **default: Any) -> Any:
    """An option of a run. ``rows``: stored rows depend on it, so that a run with another value
    must not resume them."""
    return field(metadata={"rows": rows}, **default)


@dataclass(frozen=True)
class RunOptions:
    """What ``apprehend run`` was asked to do."""

    model: str = _option(rows=True)
    model_args: Mapping[str, Any] = _option(rows=True)
    tasks: str = _option(rows=False)
    output_path: Path = _option(rows=False)
    model_name: str | None = _option(rows=False, default=None)
    data: str | None = _option(rows=True, default=None)
    fewshot_data: str | None = _option(rows=True, default=None)
    include_path: str | None = _option(rows=True, default=None)
    estimators: Sequence[str] | None = _option(rows=False, default=None)
    committee: Sequence[str] = _option(rows=False, default=())
    judges: Sequence[JudgeOptions] = _option(rows=True, default=())
    prompts: Mapping[str, str] = _option(rows=True, default_factory=dict)
    num_fewshot: int | None = _option(rows=True, default=None)
    apply_chat_template: bool = _option(rows=True, default=False)
    system_instruction: str | None = _option(rows=True, default=None)
    batch_size: str = _option(rows=False, default="auto")
    device: str | None = _option(rows=False, default=None)
    limit: float | None = _option(rows=False, default=None)
    seed: int = _option(rows=True, default=0)
    samples: int = _option(rows=True, default=8)
    temperature: float = _option(rows=True, default=1.0)
    overwrite: Overwrite = _option(rows=False, default=Overwrite.ONLY_MISSING)
    max_requests: int | None = _option(rows=False, default=None)
    max_cost: float | None = _option(rows=False, default=None)
    shard: tuple[int, int, int] | None = _option(rows=False, default=None)
    """Index, number and local device of the part of the questions that this process takes."""


@dataclass
class RunOutcome:
    """What a run did: per store what was scored, and what went wrong without stopping it."""

    scored: dict[Path, Scored] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    collected: int = 0
    budget: Budget = field(default_factory=Budget)


@dataclass
class Family:
    """The tasks of one group, and the store that their answers go to."""

    store: TaskStore
    tasks: list[LoadedTask]
    questions: dict[str, list[Question]]
    manifest: dict[str, Any]
    known: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the model before it is loaded."""

    @property
    def signal(self) -> Signal:
        return self.tasks[0].signal

    @property
    def ids(self) -> list[Any]:
        return [q.question_id for task in self.tasks for q in self.questions[task.name]]

    def missing(self) -> list[tuple[LoadedTask, Question]]:
        done = self.store.done(self.signal)
        return [
            (task, question)
            for task in self.tasks
            for question in self.questions[task.name]
            if question.question_id not in done
        ]


def model_name(options: RunOptions) -> str:
    """What the model is called: the given name, or that of its weights or at its endpoint."""
    if options.model_name:
        return options.model_name
    args = options.model_args
    name = str(args.get("pretrained") or args.get("model") or options.model)
    return Path(name).expanduser().resolve().name if Path(name).expanduser().is_dir() else name


@dataclass(frozen=True)
class ProbeOptions:
    """What probes need to know of the run."""

    num_fewshot: int = 0
    apply_chat_template: bool = False
    system_instruction: str | None = None
    samples: int = 8
    temperature: float = 1.0
    seed: int = 0
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Prompt name → file that replaces it."""
