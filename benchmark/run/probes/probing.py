"""Collect signals beyond the plain answer, by further passes over the questions.

Only signals missing in the store are collected, in batches that are stored at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....estimators.signals.batch import Signal
from ...console.options import say
from ...console.progress import progress_bar
from ...engines.shared.engine import Engine, Failed
from ...store.derivation import DERIVED_FROM, is_derived
from ...store.stored_rows import Row
from ...store.task_store import TaskStore
from ..asking.adapter import Step
from .probe import Cost
from .probe_options import Item, ProbeOptions, generation_limits
from .probe_registry import all_probes
from .prompt_builder import PromptBuilder


@dataclass(frozen=True)
class Load:
    """The work that collecting one signal requires of a model."""

    name: str
    prompts: int
    prompt_tokens: int
    """Of all prompts, estimated from a sample; shared prefixes are prefilled only once."""
    texts: int = 0
    """Number of texts to generate."""
    most_tokens: int = 0
    """Maximum number of tokens of one text."""

    @property
    def generated(self) -> int:
        """Return the maximum number of tokens to generate."""
        return self.texts * self.most_tokens


class Prober:
    """Runs probes on one store's questions with one engine."""

    def __init__(
        self, engine: Engine, store: TaskStore, items: Sequence[Item], options: ProbeOptions
    ) -> None:
        self.engine = engine
        self.failed: dict[str, str] = {}
        """Questions that failed in the last ``collect``, and why."""
        self.store = store
        self.items = items
        self.options = options

    def collect(self, signal: Signal, variant: str) -> int:
        """Collect the missing rows of a variant; returns the number of questions asked.

        The reasons of failed questions are stored, and kept in ``failed``.
        """
        self.failed = {}
        missing, marks = self._missing(signal, variant)
        probe = all_probes()[signal, variant](self.engine, self.store, self.options, variant)
        step = Step(16)
        with progress_bar(len(missing), f"{signal.value} {variant}".strip()) as bar:
            for part in step.split(missing):
                rows: list[Row] = []
                for (_, question), row in zip(part, probe.collect(part), strict=True):
                    if marks is not None and not isinstance(row, Failed):
                        row[DERIVED_FROM] = marks[question.question_id]
                    rows.append((question.question_id, row))
                self.failed |= self.store.store_part(signal, rows, variant)
                bar.update(len(part))
        self.store.compact(signal)
        return len(missing)

    def _missing(self, signal: Signal, variant: str) -> tuple[list[Item], dict[str, str] | None]:
        """Return the questions without the variant, and the marks of the answers it derives from.

        A variant that depends on the answer is collected only for answered questions.
        """
        dropped = self.store.drop_outdated(signal)
        if dropped:
            say(
                f"  {dropped} rows of {signal} were derived from answers that have changed; they "
                "are collected again"
            )
        missing = self._lacking(signal, variant)
        if not is_derived(signal, variant):
            return missing, None
        marks = self.store.marks()
        return [item for item in missing if item[1].question_id in marks], marks

    def _lacking(self, signal: Signal, variant: str) -> list[Item]:
        done = self.store.done(signal, variant)
        return [item for item in self.items if item[1].question_id not in done]

    def loads(self, wanted: Sequence[tuple[Signal, str]]) -> list[Load]:
        """Return the work of collecting these signals, probes or the answers themselves."""
        builder = PromptBuilder(self.engine, self.options)
        sample = self.items[:: max(1, len(self.items) // 20)]
        tokens = [self.engine.count_tokens(builder.context(t, q)) for t, q in sample]
        mean = sum(tokens) / max(1, len(tokens))
        loads = []
        for signal, variant in wanted:
            cost = self._cost(signal, variant)
            name = f"{signal.value} {variant}".strip()
            size = round(cost.prompts * mean)
            loads.append(Load(name, cost.prompts, size, cost.texts, cost.most_tokens))
        return loads

    def _cost(self, signal: Signal, variant: str) -> Cost:
        missing = self._lacking(signal, variant)
        probe = all_probes().get((signal, variant))
        if probe is not None:
            return probe.cost(missing, self.options, variant)
        if signal is not Signal.TRACE:
            return Cost(len(missing))
        most = max((generation_limits(task)[1] for task, _ in missing), default=0)
        return Cost(len(missing), len(missing), most)
