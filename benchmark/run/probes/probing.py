"""Signals beyond the plain answer: further passes over questions that have been asked.

Each probe turns questions into engine calls and the engine's replies into records; only what is
missing in the store is collected, in batches that are stored as they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ....estimators.signals.batch import Need, Signal
from ....tasks.self_report_prompts import SELF_REPORTS
from ...console.errors import UsageError
from ...console.options import say
from ...console.progress import progress_bar
from ...store.derivation import DERIVED_FROM, is_derived
from ...store.sink import store_part
from ...store.task_store import TaskStore
from ..asking.adapter import Step
from .loads import Load
from .passes import Passes
from .probe_kinds import PROBES, Item, ProbeOptions, generation_limits
from .probe_replies import KeptReplies, ask_each


def wanted_probes(needs: Sequence[Need], outcome: Signal) -> list[tuple[Signal, str]]:
    """(signal, variant) that the needs name and that a task with this outcome can give."""
    found: dict[tuple[Signal, str], None] = {}
    for need in needs:
        for signal in need.signals & probed_signals():
            known = [variant for other, variant in PROBES if other is signal]
            for name in [need.variant] if need.variant else known:
                if name not in known:
                    raise UsageError(
                        f"signal {signal} has no variant {name!r}, known: {', '.join(known)}"
                    )
                if PROBES[signal, name][0] is outcome:
                    found[signal, name] = None
    return list(found)


def probed_signals() -> set[Signal]:
    """Signals that a probe collects."""
    return {signal for signal, _ in PROBES}


class Prober:
    """Collects probes of one store's questions with one engine."""

    def __init__(
        self, engine: Any, store: TaskStore, items: Sequence[Item], options: ProbeOptions
    ) -> None:
        self.engine = KeptReplies(engine)
        self.failed: dict[Any, str] = {}
        """Questions that the last ``collect`` got nothing of, and why."""
        self.store = store
        self.items = items
        self.options = options
        self._passes = Passes(self.engine, store, options)

    def collect(self, signal: Signal, variant: str) -> int:
        """Collect what is missing of a variant; gives the number of questions that were asked.
        Why some of them have no row is noted in the store and in ``failed``."""
        self.failed = {}
        missing, marks = self._missing(signal, variant)
        _, method = PROBES[signal, variant]
        ask = partial(method, self._passes, variant=variant)
        name = f"{signal.value} {variant}".strip()
        step = Step(16)
        with progress_bar(len(missing), name) as bar:
            for part in step.split(list(missing)):
                got, lost = ask_each(self.engine, part, ask)
                for (_, question), record in got:
                    record |= {"question_id": question.question_id, "variant": variant}
                    if marks is not None:
                        record[DERIVED_FROM] = marks[question.question_id]
                failed = {question.question_id: reason for (_, question), reason in lost}
                records = [record for _, record in got]
                self.failed |= store_part(self.store, signal, variant, records, failed)
                bar.update(len(part))
        self.store.compact(signal)
        return len(missing)

    def _missing(self, signal: Signal, variant: str) -> tuple[list[Item], dict[Any, str] | None]:
        """Questions without the variant, and the marks of the answers that it is derived from.

        What depends on an answer is asked only where there is one.
        """
        dropped = self.store.drop_outdated(signal)
        if dropped:
            say(
                f"  {dropped} rows of {signal} were derived from answers that have changed; they "
                "are collected again"
            )
        done = self.store.done(signal, variant)
        missing = [item for item in self.items if item[1].question_id not in done]
        if not is_derived(signal, variant):
            return missing, None
        marks = self.store.marks()
        return [item for item in missing if item[1].question_id in marks], marks

    def loads(self, wanted: Sequence[tuple[Signal, str]]) -> list[Load]:
        """What collecting these, or the answers themselves, asks of the model."""
        shown = self.items[:: max(1, len(self.items) // 20)]
        tokens = [
            self.engine.count_tokens(self._passes.prompts.context(t, q.row)) for t, q in shown
        ]
        mean = sum(tokens) / max(1, len(tokens))
        loads = []
        for signal, variant in wanted:
            done = self.store.done(signal, variant)
            missing = [item for item in self.items if item[1].question_id not in done]
            passes, texts, most = len(missing), 0, 0
            if signal is Signal.PERMUTED_ANSWERS:
                passes = sum(len(question.row["options"]) - 1 for _, question in missing)
            elif signal is Signal.TRACE or variant == "cot":
                texts = passes * (self.options.samples if variant == "cot" else 1)
                most = max((generation_limits(task)[1] for task, _ in missing), default=0)
            elif signal is Signal.SELF_REPORT and variant in SELF_REPORTS:
                texts, most = passes, SELF_REPORTS[variant].max_new_tokens
            name = f"{signal.value} {variant}".strip()
            loads.append(Load(name, passes, round(passes * mean), texts, most))
        return loads
