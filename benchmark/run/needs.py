"""What the chosen estimators need, and whether a run can provide it."""

from __future__ import annotations

from collections.abc import Sequence

from ...estimators.core.estimator import Estimator
from ...estimators.signals.batch import Need, Signal
from ...tasks.questionnaires import ABOUT_QUESTION, QUESTIONNAIRES
from ..console.errors import UsageError
from ..engines.shared.abilities import withheld_by
from ..engines.shared.engine import Ability
from .families import Family
from .probes.probe_registry import probed_signals, withheld_signal
from .run_options import RunOptions


def needed_questionnaires(
    options: RunOptions, estimators: Sequence[Estimator] | None, families: Sequence[Family]
) -> list[str]:
    """Return the questionnaires to ask the judges.

    Raises UsageError if a chosen estimator cannot get what it needs. With ``all``, such
    estimators are skipped when scores are computed, which is reported then.
    """
    names: dict[str, None] = {}
    if estimators is None:
        return list(ABOUT_QUESTION) if options.judges else []
    for estimator in estimators:
        for need in estimator.requirements():
            try:
                names |= dict.fromkeys(_check_need(options, estimator, need, families))
            except UsageError:
                if "all" not in (options.estimators or ()):
                    raise
    return list(names) if options.judges else []


def _check_need(
    options: RunOptions, estimator: Estimator, need: Need, families: Sequence[Family]
) -> Sequence[str]:
    """Return the questionnaires of a need. Raises UsageError if it cannot be met."""
    if need.signals == {Signal.JUDGEMENT}:
        _check_judge(options, estimator, need.variant, families)
        return [need.variant] if need.variant else list(ABOUT_QUESTION)
    if need.signals <= probed_signals() | {Signal.COMMITTEE}:
        _check_engine_gives(options, estimator, need)
        _check_tasks_give(estimator, need, families)
    elif not need.signals & {family.signal for family in families}:
        names = ", ".join(sorted({t.family for f in families for t in f.tasks}))
        raise UsageError(
            f"estimator {estimator.label} needs signal {need}, which {names} does not give"
        )
    return ()


def _check_engine_gives(options: RunOptions, estimator: Estimator, need: Need) -> None:
    """Raise UsageError for a chosen estimator whose signal the engine does not give."""
    model, variant = options.model, need.variant
    reasons = [withheld_signal(model, signal, variant) for signal in sorted(need.signals)]
    if reasons and all(reasons):
        raise UsageError(f"estimator {estimator.label} needs signal {need}: {reasons[0]}")


def _check_tasks_give(estimator: Estimator, need: Need, families: Sequence[Family]) -> None:
    """Raise UsageError for a chosen estimator whose signal none of the tasks can give."""
    reasons = [
        task.facts.why_not(signal, need.variant)
        for family in families
        for task in family.tasks
        for signal in sorted(need.signals)
    ]
    if reasons and all(reasons):
        raise UsageError(
            f"estimator {estimator.label} needs signal {need}: {reasons[0]} (--as_letters asks in "
            "a prompt of ours)"
        )


def check_whole_texts(options: RunOptions, families: Sequence[Family]) -> None:
    """Raise UsageError if options are whole texts and the engine cannot score these."""
    why = withheld_by(options.model).get(Ability.OPTION_TEXTS)
    for family in families:
        if why is not None and family.tasks[0].facts.normalization is not None:
            raise UsageError(
                f"--tasks: the options of {family.tasks[0].name} are whole texts, which --model "
                f"{options.model} cannot score: {why}; give --as_letters"
            )


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
