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
from ..asking.inside_records import SHOWN
from .probe import Cost
from .probe_options import Item, ProbeOptions, generation_limits
from .probe_registry import all_probes
from .prompt_builder import PromptBuilder

_PAIRS = 10
"""Pairs of prompts whose lengths are measured for a forecast."""


@dataclass(frozen=True)
class Load:
    """The work that collecting one signal requires of a model."""

    name: str
    prompts: int
    prompt_tokens: int
    """Of all prompts, estimated from a sample."""
    new_tokens: int
    """Of these, the tokens after what a prompt shares with the one before it, estimated."""
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
        self.unread = ""
        """Why the first reply of the last ``collect`` could not be read, if none could be."""
        self.store = store
        self.items = items
        self.options = options

    def collect(self, signal: Signal, variant: str) -> int:
        """Collect the missing rows of a variant; returns the number of questions asked.

        The reasons of failed questions are stored, and kept in ``failed``.
        """
        self.failed, self.unread = {}, ""
        read = False
        missing, marks = self._missing(signal, variant)
        probe = all_probes()[signal, variant](self.engine, self.store, self.options, variant)
        if not missing:
            return 0
        step = Step(16)
        with progress_bar(len(missing), f"{signal.value} {variant}".strip()) as bar:
            for part in step.split(missing):
                rows: list[Row] = []
                for (_, question), row in zip(part, probe.collect(part), strict=True):
                    if marks is not None and not isinstance(row, Failed):
                        row[DERIVED_FROM] = marks[question.question_id]
                    rows.append((question.question_id, row))
                    if not isinstance(row, Failed):
                        reason = row.get("reason")
                        read = read or not reason
                        self.unread = self.unread or reason or ""
                self.failed |= self.store.store_part(signal, rows, variant)
                bar.update(len(part))
        if read:
            self.unread = ""
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
        whole, new = self._mean_lengths()
        loads = []
        for signal, variant in wanted:
            cost = self._cost(signal, variant)
            name = f"{signal.value} {variant}".strip()
            size, own = round(cost.prompts * whole), round(cost.prompts * cost.new_share * new)
            loads.append(Load(name, cost.prompts, size, own, cost.texts, cost.most_tokens))
        return loads

    def _mean_lengths(self) -> tuple[float, float]:
        """Return the mean tokens of a prompt, and of what follows the beginning that it shares.

        Pairs of neighbors are looked at, since prompts of a topic follow each other.
        """
        builder = PromptBuilder(self.engine, self.options)
        last = len(self.items) - 1
        if last < 0:
            return 0.0, 0.0
        whole, new = [], []
        for place in range(0, last + 1, last // _PAIRS + 1):
            texts = [
                builder.context(task, question) for task, question in self.items[place : place + 2]
            ]
            lengths = [self.engine.count_tokens(text) for text in texts]
            shared = _beginning(*texts) if len(texts) > 1 else ""
            whole.append(sum(lengths) / len(lengths))
            new.append(lengths[-1] - (self.engine.count_tokens(shared) if shared else 0))
        return sum(whole) / len(whole), max(0.0, sum(new) / len(new))

    def _cost(self, signal: Signal, variant: str) -> Cost:
        missing = self._lacking(signal, variant)
        if signal is Signal.FORCED_ANSWERS and self.engine.streams:
            traced = self.store.done(Signal.TRACE)  # the others are forced with their texts
            missing = [item for item in missing if item[1].question_id in traced]
        if signal in SHOWN:
            answered = self.store.done(Signal.ANSWER)  # the others are shown with their answers
            missing = [item for item in missing if item[1].question_id in answered]
        probe = all_probes().get((signal, variant))
        if probe is not None:
            return probe.cost(missing, self.options, variant)
        if signal is not Signal.TRACE:
            return Cost(len(missing))
        most = max((generation_limits(task)[1] for task, _ in missing), default=0)
        return Cost(len(missing), len(missing), most)


def _beginning(first: str, second: str) -> str:
    """Return what two texts begin with."""
    pairs = enumerate(zip(first, second, strict=False))
    size = next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))
    return first[:size]
