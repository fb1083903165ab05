"""What the chosen estimators need, and whether a run can get it."""

from __future__ import annotations

from collections.abc import Sequence

from ...estimators.core.estimator import Estimator
from ...estimators.signals.batch import Need, Signal
from ...tasks.questionnaires import ABOUT_QUESTION, QUESTIONNAIRES
from ..console.errors import UsageError
from .families import Family
from .probes.probe_registry import probed_signals, withheld_signal
from .run_options import RunOptions


def needed_questionnaires(
    options: RunOptions, estimators: Sequence[Estimator] | None, families: Sequence[Family]
) -> list[str]:
    """Questionnaires to ask. Checks that every chosen estimator can get what it needs; of ``all``,
    those that cannot are left out when scores are computed, which says so."""
    asked: dict[str, None] = {}
    if estimators is None:
        return list(ABOUT_QUESTION) if options.judges else []
    for estimator in estimators:
        for need in estimator.requirements():
            try:
                asked |= dict.fromkeys(_check_need(options, estimator, need, families))
            except UsageError:
                if "all" not in (options.estimators or ()):
                    raise
    return list(asked) if options.judges else []


def _check_need(
    options: RunOptions, estimator: Estimator, need: Need, families: Sequence[Family]
) -> Sequence[str]:
    """The questionnaires that the need is about. Raises UsageError where it cannot be met."""
    if need.signals == {Signal.JUDGEMENT}:
        _check_judge(options, estimator, need.variant, families)
        return [need.variant] if need.variant else list(ABOUT_QUESTION)
    if need.signals <= probed_signals() | {Signal.COMMITTEE}:
        _check_engine_gives(options, estimator, need)
    elif not need.signals & {family.signal for family in families}:
        given = ", ".join(sorted({t.family for f in families for t in f.tasks}))
        raise UsageError(
            f"estimator {estimator.label} needs signal {need}, which {given} does not give"
        )
    return ()


def _check_engine_gives(options: RunOptions, estimator: Estimator, need: Need) -> None:
    """Raise UsageError for an estimator, chosen by name, whose signal the engine cannot give."""
    reasons = [withheld_signal(options.model, signal) for signal in sorted(need.signals)]
    if reasons and all(reasons):
        raise UsageError(f"estimator {estimator.label} needs signal {need}: {reasons[0]}")


def _check_judge(
    options: RunOptions, estimator: Estimator, variant: str, families: Sequence[Family]
) -> None:
    if variant and variant not in QUESTIONNAIRES:
        raise UsageError(
            f"estimator {estimator.label} needs questionnaire {variant!r}, known: "
            f"{', '.join(QUESTIONNAIRES)}"
        )
    stored = all(variant in family.store.variants(Signal.JUDGEMENT) for family in families)
    if not options.judges and not stored:
        raise UsageError(
            f"estimator {estimator.label} needs a judge: give --judge and --judge_args, e.g. "
            "--judge hf --judge_args pretrained=NAME"
        )
