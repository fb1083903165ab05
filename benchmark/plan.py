"""What a run is asked to do, and what it works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ..estimators.signals import Signal
from .budget import Budget
from .scoring import Scored
from .store import TaskStore
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


@dataclass(frozen=True)
class JudgeOptions:
    """One judge of the panel."""

    kind: str
    """``hf``, ``vllm`` or any other lm-eval model."""
    args: Mapping[str, Any] = field(default_factory=dict)
    given_name: str | None = None

    @property
    def name(self) -> str:
        """Its given name, or the last part of its model's."""
        model = self.args.get("pretrained") or self.args.get("model") or self.kind
        return (self.given_name or str(model)).rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class RunOptions:
    """What ``apprehend run`` was asked to do."""

    model: str
    model_args: Mapping[str, Any]
    tasks: str
    output_path: Path
    model_name: str | None = None
    data: str | None = None
    fewshot_data: str | None = None
    include_path: str | None = None
    estimators: Sequence[str] | None = None
    committee: Sequence[str] = ()
    judges: Sequence[JudgeOptions] = ()
    prompts: Mapping[str, str] = field(default_factory=dict)
    num_fewshot: int | None = None
    apply_chat_template: bool = False
    system_instruction: str | None = None
    batch_size: str = "auto"
    device: str | None = None
    limit: float | None = None
    seed: int = 0
    samples: int = 8
    temperature: float = 1.0
    overwrite: Overwrite = Overwrite.ONLY_MISSING
    max_requests: int | None = None
    max_cost: float | None = None
    shard: tuple[int, int, int] | None = None
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
    if options.model_name:
        return options.model_name
    name = str(options.model_args.get("pretrained", options.model))
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
