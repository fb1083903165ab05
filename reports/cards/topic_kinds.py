"""Whether a topic asks for knowledge or for reasoning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..metrics.evaluation import Evaluation

KNOWLEDGE, REASONING = "knowledge", "reasoning"
BY_LABEL = "by the judge's label requires_reasoning of most of its questions"
BY_SOURCE = "by the source of most of its questions"
BY_NAME = "by its name, as MMLU-Pro's topics are known"

_KNOWN: Mapping[str, str] = {
    **dict.fromkeys(
        ("biology", "health", "history", "law", "other", "philosophy", "psychology"), KNOWLEDGE
    ),
    **dict.fromkeys(
        ("business", "chemistry", "computer science", "economics", "engineering"), REASONING
    ),
    **dict.fromkeys(("math", "physics"), REASONING),
}
"""MMLU-Pro's topics: reasoning where most questions ask for a computation in several steps."""


def topic_kinds(evaluation: Evaluation) -> dict[str, tuple[str, str]]:
    """Tell of each topic whether it asks for knowledge or reasoning, and by what that is known.

    By what more than half of its questions have in common: the judge's label requires_reasoning,
    else a source that is called knowledge or reasoning; else by the topic's name.

    Args:
        evaluation: Answers of one model on one task.

    Returns:
        Topic → (kind, rule); topics of which nothing tells the kind are left out.
    """
    kinds = {}
    for topic, members in evaluation.topics.items():
        for rule, flags in _strata(evaluation):
            shares = {kind: float(np.mean(rows[members])) for kind, rows in flags.items()}
            kind = max(shares, key=lambda name: shares[name])
            if shares[kind] > 0.5:
                kinds[topic] = (kind, rule)
                break
        else:
            name = topic.replace("_", " ").casefold()
            if name in _KNOWN:
                kinds[topic] = (_KNOWN[name], BY_NAME)
    return kinds


def _strata(evaluation: Evaluation) -> list[tuple[str, dict[str, np.typing.NDArray[np.bool_]]]]:
    """Flag the questions (n,) of either kind by every rule that the strata allow."""
    size = evaluation.errors.size
    labels = {kind: np.zeros(size, dtype=np.bool_) for kind in (KNOWLEDGE, REASONING)}
    sources = {kind: np.zeros(size, dtype=np.bool_) for kind in (KNOWLEDGE, REASONING)}
    for stratum, rows in evaluation.strata.items():
        name, value = stratum.split("=", 1)
        if name == "requires_reasoning" and value in ("yes", "no"):
            labels[REASONING if value == "yes" else KNOWLEDGE][rows] = True
        for kind in (KNOWLEDGE, REASONING):
            if name == "src" and value.rsplit("/", 1)[-1].startswith(kind):
                sources[kind][rows] = True
    found = ((BY_LABEL, labels), (BY_SOURCE, sources))
    return [(rule, flags) for rule, flags in found if any(f.any() for f in flags.values())]
