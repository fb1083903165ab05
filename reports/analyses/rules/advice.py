"""A recommendation in plain sentences."""

from __future__ import annotations

from math import isnan

from ...frames.formatting import count, interval, number, percent, plain
from ..thresholds import ThresholdChoice
from .combining import Combination
from .recommending import COST_ORDER, COST_WORDS, Recommendation

LISTED = 6


def advice(
    found: Recommendation, threshold: ThresholdChoice, together: Combination | None = None
) -> list[str]:
    """State the recommendation, what it rests on, and what it does not show.

    Args:
        found: The recommendation.
        threshold: The threshold of the recommended estimator for a target risk.
        together: What several scores stacked gain over one, if wanted.

    Returns:
        Sentences, the recommendation first.
    """
    choice, names = found.choice, found.estimators
    best = names[choice.best]
    others = [
        plain(name)
        for k, name in enumerate(names)
        if choice.indistinguishable[k] and k != choice.best
    ]
    corrected = ""
    if not isnan(choice.low):
        ends = interval(choice.low, choice.high)
        corrected = (
            f"; corrected for the choice among {len(names)}, {number(choice.corrected)} {ends}"
        )
    lines = [
        f"{plain(found.model)} on {plain(found.task)}: use {plain(best)} "
        f"({COST_WORDS[found.costs[choice.best]]}). Its ROC AUC of errors is "
        f"{number(choice.value)} on average over {len(found.topics)} topics{corrected}.",
        f"It is the best of {len(names)} in {percent(float(choice.probabilities[choice.best]))} of "
        "the resamples.",
    ]
    if others:
        shown = ", ".join(others[:LISTED]) + (
            f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
        )
        lines.append(f"These cannot be told from it: {shown}.")
    if found.cheaper is not None:
        other = names[found.cheaper]
        lines.append(
            f"The best cheaper one, {plain(other)} ({COST_WORDS[found.costs[found.cheaper]]}), "
            f"loses {number(found.loss)} {interval(found.loss_low, found.loss_high)}."
        )
    if together is not None:
        lines.append(_together(together))
    lines.append(_threshold(threshold))
    lines += _sizes(found)
    for reason, left in found.left_out.items():
        lines.append(f"Not considered, {reason}: {', '.join(plain(name) for name in left)}.")
    lines.append(
        "This holds for these questions, this prompt and this model; another topic or prompt may "
        "have another best."
    )
    return lines


def _together(found: Combination) -> str:
    names = " + ".join(plain(name) for name in found.estimators)
    dearest = max(found.costs, key=COST_ORDER.index)
    ends = interval(found.gain_low, found.gain_high)
    verdict = "worth it" if found.gain_low > 0 else "no gain that these questions establish"
    return (
        f"Together, {names} ({COST_WORDS[dearest]}), stacked by logistic regression: "
        f"{number(found.value)} out of fold, {found.gain:+.3f} {ends} against the best single one "
        f"chosen in the same way ({number(found.single)}): {verdict}."
    )


def _threshold(chosen: ThresholdChoice) -> str:
    target = percent(chosen.target_risk)
    if isnan(chosen.threshold):
        return f"No threshold keeps the error rate at {target} or below on the development half."
    ends = interval(chosen.risk_low, chosen.risk_high)
    kept, risk = percent(chosen.coverage), f"{number(chosen.risk)} {ends}"
    return (
        f"For an error rate of at most {target}, answer where it is at most "
        f"{chosen.threshold:.4g}: that keeps {kept} of the other half of the questions, with an "
        f"error rate of {risk}."
    )


def _sizes(found: Recommendation) -> list[str]:
    few = [size for size in found.sizes if isnan(size.half_width)]
    short = [size for size in found.sizes if size.needed > size.n]
    lines = []
    if few:
        lines.append(
            "Too few errors or right answers to say anything about one topic: "
            + ", ".join(f"{plain(size.topic)} ({size.n_errors} of {size.n} wrong)" for size in few)
            + "."
        )
    if short:
        named = sorted(short, key=lambda size: -size.needed / size.n)
        lines.append(
            f"For a 95 % interval of ± {found.half_width:g} a topic needs more questions: "
            + ", ".join(
                f"{plain(size.topic)} {count(size.needed)} (has {count(size.n)})"
                for size in named[:LISTED]
            )
            + (f" and {len(named) - LISTED} more topics." if len(named) > LISTED else ".")
        )
    if not few and not short:
        lines.append(
            f"Every topic has enough questions for a 95 % interval of ± {found.half_width:g}."
        )
    return lines
