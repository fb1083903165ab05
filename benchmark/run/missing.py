"""Find what a run lacks, and check that the stored signals can be resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...estimators.core.estimator import Estimator
from ...estimators.signals.batch import Need, Signal
from ..console.options import say
from ..engines.shared.known import is_comparable
from ..judges.judge import OWN, known_judge
from ..store import manifest as manifests
from ..store.derivation import is_derived
from ..store.failures import read_failures
from ..store.provenance import settings_key
from .asking.loaded_task import LoadedTask, Question
from .families import Family
from .plan import Plan
from .probes.probe_registry import all_probes, wanted_probes, withheld_signal
from .row_settings import judge_prompts, judge_settings, probe_settings


@dataclass
class Work:
    """What a family lacks: answers, and (signal, variant) of probes."""

    family: Family
    answers: list[tuple[LoadedTask, Question]]
    probes: list[tuple[Signal, str]]
    wanted: list[tuple[Signal, str]]
    """All (signal, variant) that the run needs, missing or not."""

    @property
    def needs_engine(self) -> bool:
        """Return whether the model must be loaded.

        It must be if signals are missing, or if only loading it can tell that the stored answers
        are its own.
        """
        return bool(self.answers or self.probes) or not _identified(self.family)


def find_missing(plan: Plan) -> list[Work]:
    """Return what each family lacks of the plan.

    Raises UsageError if stored signals were collected under other settings.
    """
    for family in plan.families:
        _check_stored(plan, family)
    return [_missing(plan, family) for family in plan.families]


def _missing(plan: Plan, family: Family) -> Work:
    _say_refused(family, plan.estimators)
    wanted = _supported(plan.options.model, _wanted(plan.options.model, family, plan.estimators))
    ids = set(family.ids)
    probes = [pair for pair in wanted if ids - family.store.done(*pair)]
    return Work(family, family.missing(), probes, [(family.signal, ""), *wanted])


def _wanted(
    engine: str, family: Family, estimators: Sequence[Estimator]
) -> list[tuple[Signal, str]]:
    """Return the probes that the estimators need and the family's tasks support."""
    needs = [need for estimator in estimators for need in estimator.requirements()]
    if engine == "hf":  # it forces the answer of every text while the text is in its cache
        needs.append(Need.of(Signal.FORCED_ANSWERS))
    wanted = wanted_probes(needs, family.signal)
    return [pair for pair in wanted if _refused(family, *pair) is None]


def _say_refused(family: Family, estimators: Sequence[Estimator]) -> None:
    """Print the signals that the estimators need and the family's tasks cannot give, by reason."""
    needs = [need for estimator in estimators for need in estimator.requirements()]
    refused: dict[str, list[str]] = {}
    for signal, variant in wanted_probes(needs, family.signal):
        why = _refused(family, signal, variant)
        if why is not None:
            refused.setdefault(why, []).append(settings_key(signal, variant))
    for why, names in refused.items():
        say(f"  {family.store.task} gives no {', '.join(names)}: {why}")


def _refused(family: Family, signal: Signal, variant: str) -> str | None:
    """Return why a family's tasks cannot give a signal, or what it requires; None if they can."""
    pairs = [(signal, variant), *all_probes()[signal, variant].requires]
    reasons = (task.facts.why_not(*pair) for task in family.tasks for pair in pairs)
    return next((why for why in reasons if why is not None), None)


def _identified(family: Family) -> bool:
    """Return whether the stored answers can be attributed to this model without loading it."""
    stored = family.store.manifest.get("model") or {}
    return not stored.get("fingerprint") or is_comparable(family.known, stored)


def _check_stored(plan: Plan, family: Family) -> None:
    """Raise UsageError if stored signals of this run were collected under other settings.

    This is checked whether or not any of them are missing.
    """
    for signal, variant in _wanted(plan.options.model, family, plan.estimators):
        settings = probe_settings(plan.options, family.tasks, signal, variant)
        manifests.check_settings(family.store, signal, variant, "", settings)
    for judge in plan.options.judges:
        for name in plan.questionnaires:
            settings = judge_settings(known_judge(judge), name, judge_prompts(plan.options))
            manifests.check_settings(
                family.store, Signal.JUDGEMENT, name, judge.name, settings, judge.kind not in OWN
            )


def _supported(engine: str, wanted: Sequence[tuple[Signal, str]]) -> list[tuple[Signal, str]]:
    reasons = {pair: withheld_signal(engine, *pair) for pair in wanted}
    cannot = {pair: reason for pair, reason in reasons.items() if reason is not None}
    for pair, reason in cannot.items():
        say(f"  signal {settings_key(*pair)} is not collected: {reason}")
    return [pair for pair in wanted if pair not in cannot]


def missing_from_cache(plan: Plan) -> list[str]:
    """Return one sentence per store that lacks something of the plan.

    Raises UsageError if stored signals were collected under other settings.
    """
    problems = []
    for family in plan.families:
        _check_stored(plan, family)
        ids = set(family.ids)
        wanted = [(family.signal, ""), *_wanted(plan.options.model, family, plan.estimators)]
        lacking = {
            f"{signal.value} {variant}".strip(): len(ids - family.store.done(signal, variant))
            for signal, variant in wanted
        }
        judged = family.store.variants(Signal.JUDGEMENT)
        lacking |= {
            f"judgement {name}": len(ids) for name in plan.questionnaires if name not in judged
        }
        counts = [f"{name} of {count} questions" for name, count in lacking.items() if count]
        if counts:
            problems.append(
                f"{family.store.path} lacks {', '.join(counts)} (--overwrite only-cache)"
            )
    return problems


def vanished(works: Sequence[Work]) -> list[str]:
    """Return one sentence per store that has lost rows since they were written.

    Parts may be deleted while a run is in progress.
    """
    problems = []
    for work in works:
        store = work.family.store
        store.forget()
        unresolved = {(row["signal"], row["question_id"]) for row in read_failures(store.path)}
        answered = store.done(work.family.signal)
        lost = []
        for signal, variant in work.wanted:
            expected = answered if is_derived(signal, variant) else set(work.family.ids)
            missing = expected - store.done(signal, variant)
            if missing - {question for name, question in unresolved if name == signal.value}:
                lost.append(f"{settings_key(signal, variant)} of {len(missing)} questions")
        if lost:
            problems.append(
                f"{store.path}: lost during the run: {', '.join(lost)} (were parts deleted?); "
                "run again to collect them again"
            )
    return problems
