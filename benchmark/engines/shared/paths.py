"""Combine the log-probabilities of token paths into those of labels; plain numbers, any engine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .labels import LabelTokens, Path


@dataclass
class LabelPaths:
    """Log-probabilities of every token path that the labels after one prompt need."""

    labels: tuple[LabelTokens, ...]
    logprob: dict[Path, float] = field(default_factory=dict)
    greedy: dict[Path, bool] = field(default_factory=dict)
    """Whether greedy decoding would generate the path."""

    @property
    def paths(self) -> set[Path]:
        """Return all paths of all labels."""
        return {path for label in self.labels for path in (label.requested, *label.variants)}

    def stems(self) -> list[Path]:
        """Return every proper prefix of a path, the shortest first."""
        stems = {path[:size] for path in self.paths for size in range(len(path))}
        return sorted(stems, key=lambda stem: (len(stem), stem))

    def steps(self, stem: Path) -> list[Path]:
        """Return the prefixes of paths that extend ``stem`` by one token."""
        size = len(stem)
        return sorted({p[: size + 1] for p in self.paths if len(p) > size and p[:size] == stem})

    def chains(self) -> list[Path]:
        """Return the paths without their last tokens, except those that are a prefix of another."""
        stems = {path[:-1] for path in self.paths if len(path) > 1}
        inner = {stem[:size] for stem in stems for size in range(1, len(stem))}
        return sorted(stems - inner)

    def fill(self, steps: Sequence[Path], known: Mapping[int, float], best: int) -> None:
        """Store steps from one stem.

        Args:
            steps: Paths that extend the same stem by one token.
            known: Token → log-probability after the stem.
            best: The greedy token after the stem.
        """
        for step in steps:
            stem = step[:-1]
            self.logprob[step] = self.logprob.get(stem, 0.0) + known[step[-1]]
            self.greedy[step] = self.greedy.get(stem, True) and step[-1] == best

    def merged(self) -> list[float]:
        """Return each label's log-probability: its variants, without others' longer paths."""
        return [
            logsumexp([self._exact(index, variant) for variant in label.variants])
            for index, label in enumerate(self.labels)
        ]

    def scored(self) -> list[float]:
        """Return the log-probability of each label's exact continuation."""
        return [self.logprob[label.requested] for label in self.labels]

    def is_greedy(self) -> list[bool]:
        """Return whether greedy decoding would generate each label's exact continuation."""
        return [self.greedy[label.requested] for label in self.labels]

    def chosen(self) -> Path:
        """Return the most likely path of the label with the most likely continuation."""
        scored = self.scored()
        label = self.labels[max(range(len(scored)), key=lambda i: (scored[i], -i))]
        return max(label.variants, key=lambda path: self.logprob[path])

    def greedy_label(self) -> int | None:
        """Return the label that greedy decoding would generate, the longest one; None for none."""
        best: tuple[int, int] | None = None
        for index, label in enumerate(self.labels):
            for path in label.variants:
                if self.greedy[path] and (best is None or len(path) > best[0]):
                    best = (len(path), index)
        return None if best is None else best[1]

    def named(self, token: int, uniform: float) -> int:
        """Return the label of a sample that starts with ``token``, -1 for none.

        If several labels share the token, ``uniform`` in [0, 1) picks one of them by the model's
        probabilities of continuing it with each.
        """
        stem = self.logprob.get((token,))
        if stem is None:
            return -1
        reached = 0.0
        for index, label in enumerate(self.labels):
            masses = [self._exact(index, path) for path in label.variants if path[0] == token]
            if masses:
                reached += math.exp(logsumexp(masses) - stem)
                if uniform < reached:
                    return index
        return -1

    def _exact(self, index: int, variant: Path) -> float:
        """Return the log-probability of a path, without that of other labels' longer paths."""
        mass = self.logprob[variant]
        for position, other in enumerate(self.labels):
            for path in other.variants:
                longer = len(path) > len(variant) and path[: len(variant)] == variant
                if position != index and longer:
                    mass = _log_sub(mass, self.logprob[path])
        return mass


def _log_sub(total: float, part: float) -> float:
    """Compute ln(exp(total) - exp(part)), -inf if nothing is left."""
    if part == -math.inf:
        return total
    return total + math.log1p(-math.exp(part - total)) if part < total else -math.inf


def logsumexp(values: Sequence[float]) -> float:
    """Compute ln Σ exp(value); -inf if all values are."""
    top = max(values)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(value - top) for value in values))
