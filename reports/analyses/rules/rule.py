"""A rule as a file: thresholds of a score, what to do above them, and the scores it was made of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...statistics.ranking import FloatArray
from ...statistics.shares_divergence import SharesDivergence, shares_divergence

FORMAT, VERSION = "apprehend rule", 1
BINS = 10
ANSWER, ABSTAIN, ESCALATE = "answer", "abstain", "escalate"
DRIFT = ((0.25, "shifted: choose the threshold again"), (0.1, "moderate"))


class RuleError(ValueError):
    """A rule's file cannot be used; the message states why."""


@dataclass(frozen=True)
class Rule:
    """Thresholds of an estimator's score.

    Attributes:
        model, task, estimator: what the rule was made for.
        thresholds: topic → largest score that is answered; "" for all other topics. -inf answers
            none.
        otherwise: what to do above the threshold, "abstain" or "escalate".
        edges: (9,) inner edges of ten bins of the score.
        counts: (10,) number of the scores the rule was made of in each bin.
        settings: how it was chosen, e.g. costs or target risk, seed, numbers of questions.
    """

    model: str
    task: str
    estimator: str
    thresholds: Mapping[str, float]
    otherwise: str
    edges: Sequence[float]
    counts: Sequence[int]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Write the rule as JSON; a threshold of -inf is null."""
        known = {
            topic: (value if math.isfinite(value) else None)
            for topic, value in self.thresholds.items()
        }
        content = {
            **{"format": FORMAT, "version": VERSION, "model": self.model, "task": self.task},
            **{"estimator": self.estimator, "thresholds": known, "otherwise": self.otherwise},
            **{"edges": list(self.edges), "counts": list(self.counts)},
            "settings": dict(self.settings),
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def score_bins(scores: FloatArray) -> tuple[list[float], list[int]]:
    """Return the inner edges and counts of ten bins of equal mass, as far as ties allow."""
    finite = scores[np.isfinite(scores)]
    edges: FloatArray = np.empty(0)
    if finite.size:
        edges = np.unique(np.quantile(finite, np.arange(1, BINS) / BINS))
    return [float(edge) for edge in edges], bin_counts(finite, edges).astype(int).tolist()


def bin_counts(scores: FloatArray, edges: Sequence[float] | FloatArray) -> FloatArray:
    """Count finite scores per bin; a score on an edge belongs to the bin below."""
    finite = scores[np.isfinite(scores)]
    place = np.searchsorted(np.asarray(edges, np.float64), finite, side="left")
    return np.bincount(place, minlength=len(edges) + 1).astype(np.float64)


def read_rule(text: str) -> Rule:
    """Read a rule.

    Args:
        text: JSON, as ``apprehend threshold --export`` writes it.

    Returns:
        The rule.

    Raises:
        RuleError: It is none, of another version, or lacks a field.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RuleError(f"not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RuleError(f"expected a file written by `apprehend threshold --export`, {FORMAT!r}")
    if content.get("version") != VERSION:
        raise RuleError(f"expected version {VERSION}, got {content.get('version')!r}")
    try:
        thresholds = {
            str(topic): float("-inf") if value is None else float(value)
            for topic, value in content["thresholds"].items()
        }
        edges = [float(edge) for edge in content["edges"]]
        counts = [int(count) for count in content["counts"]]
        names = {name: str(content[name]) for name in ("model", "task", "estimator", "otherwise")}
        settings = dict(content["settings"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RuleError(f"a field is missing or invalid: {error}") from error
    if "" not in thresholds or any(math.isnan(value) for value in thresholds.values()):
        raise RuleError('expected thresholds to be numbers, with one for "", all other topics')
    if names["otherwise"] not in (ABSTAIN, ESCALATE):
        raise RuleError(f"expected otherwise to be abstain or escalate, got {names['otherwise']!r}")
    ascending = all(math.isfinite(edge) for edge in edges) and edges == sorted(edges)
    if len(counts) != len(edges) + 1 or not ascending or any(not 0 <= n < 2**53 for n in counts):
        raise RuleError("expected ascending edges and one count more than edges, none below 0")
    return Rule(thresholds=thresholds, edges=edges, counts=counts, settings=settings, **names)


def apply_rule(
    rule: Rule, scores: FloatArray, topics: Sequence[str | None] | None = None
) -> list[str]:
    """Decide for each question: "answer", or what the rule says otherwise.

    Args:
        rule: The rule.
        scores: (n,) scores of the rule's estimator; a missing one (NaN) is never answered.
        topics: (n,) topics, for rules with a threshold per topic.

    Returns:
        (n,) "answer", "abstain" or "escalate".

    Raises:
        RuleError: the numbers of scores and topics differ.
    """
    if topics is not None and len(topics) != len(scores):
        raise RuleError(f"expected as many topics as scores, got {len(topics)} and {len(scores)}")
    usual = rule.thresholds[""]
    decisions = []
    for row, score in enumerate(np.asarray(scores, dtype=np.float64).tolist()):
        topic = None if topics is None else topics[row]
        limit = usual if topic is None else rule.thresholds.get(str(topic), usual)
        decisions.append(ANSWER if score <= limit else rule.otherwise)
    return decisions


def rule_drift(rule: Rule, scores: FloatArray) -> SharesDivergence:
    """Compute the stability index of new scores against those that the rule was made of.

    Args:
        rule: The rule.
        scores: (n,) new scores; NaN = missing.

    Returns:
        The index with its interval and p value.
    """
    return shares_divergence(np.asarray(rule.counts, np.float64), bin_counts(scores, rule.edges))


def drift_reading(found: SharesDivergence) -> str:
    """Say what a drift check means.

    Args:
        found: Result of `rule_drift`.

    Returns:
        A word or two, e.g. "stable".
    """
    if math.isnan(found.value):
        return "no scores"
    if not found.p < 0.05:
        return "within chance"
    return next((word for limit, word in DRIFT if found.value > limit), "stable")
