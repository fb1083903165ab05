"""Probes of a model's inside: its path through the layers, and the answer near its state."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator, require_fit
from ..core.logistic import LogisticModel, fit_logistic
from ..core.parameters import number_above
from ..signals.batch import LayerAnswersTable, PerturbedStateTable, Signal, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.probabilities import entropy, mutual_information, pick, top_two
from ..signals.tables import BoolArray, FloatArray

_MOST_DROP = 50.0
"""Nats at which a fall of a log-probability is cut: the answer's probability may become 0."""


class _InsideProbe(Estimator):
    """Logistic regression on features of a signal, fitted out of fold."""

    is_probability = True
    family = "supervised"
    lacking = "the model's layers cannot be read"

    def __init__(self, penalty: float = 10.0) -> None:
        self.penalty = number_above("penalty", penalty, 0.0)
        self._model: LogisticModel | None = None
        self._used: BoolArray | None = None

    def features(self, signals: Signals) -> FloatArray:
        """Return (n, f) features; NaN where a question lacks one."""
        raise NotImplementedError

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit w and b on the training part's features, without those that it lacks throughout."""
        features = self.features(signals)
        self._used = np.isfinite(features).any(axis=0)
        features = features[:, self._used]
        rows = np.flatnonzero(np.isfinite(features).all(axis=1) & (features.shape[1] > 0))
        if len(np.unique(correct[rows])) < 2:
            raise EstimatorError(
                f"Expected {next(iter(self.needs))} of right and wrong answers to learn from, but "
                f"got {len(rows)} of one kind"
            )
        wrong = np.where(correct[rows], 0.0, 1.0)
        self._model = fit_logistic(features[rows], wrong, self.penalty)

    def score(self, signals: Signals) -> FloatArray:
        model, used = require_fit(self, self._model), require_fit(self, self._used)
        features = self.features(signals)
        result = np.full(len(signals), np.nan)
        if features.shape[1] != len(used):  # a batch in which nothing is stored has no features
            return result
        features = features[:, used]
        rows = np.isfinite(features).all(axis=1)
        if rows.any():
            result[rows] = model.predict(features[rows])
        return result

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        (need,) = self.requirements()
        (signal,) = need.signals
        table = signals.tables.get(signal)
        return self.lacking if table is not None and bool(table.present[row]) else None


class LayerPathProbe(_InsideProbe):
    """σ(w · x + b), the probability of error given the path x through the layers, in [0, 1].

    x has, for each layer, the distribution over the options under the output head (its largest
    probability, its entropy, its Jensen-Shannon divergence from the layer before and from the last
    one), and the path of the MLPs' updates: length as a share of the whole path's, cosine with the
    update before, with their sum so far, and of that sum with its end. Standardized, with
    ``penalty`` / 2 · ‖w‖², fitted out of fold. The source has eleven scale-invariant features of
    the latter kind, whose formulas were not to be had, and a sparse probe.
    """

    name = "layer_path_probe"
    needs = frozenset({Signal.LAYER_ANSWERS})
    reference = "after arXiv 2605.22864"

    def features(self, signals: Signals) -> FloatArray:
        """Return (n, 8 L) features, layer by layer of each kind."""
        table = signals.table(LayerAnswersTable)
        p = _stored_part(table.option_probs)
        n, count, width = p.shape
        if not count:
            return np.full((n, 0), np.nan)
        last = p[:, -1]
        before = np.concatenate([p[:, :1], p[:, :-1]], axis=1)
        flat = p.reshape(n * count, width)
        columns = [
            top_two(flat)[0].reshape(n, count),
            entropy(p),
            _shannon(p, before),
            _shannon(p, np.broadcast_to(last[:, None], p.shape)),
        ]
        lengths = _as_wide(table.update_norms, count)
        whole = lengths.sum(axis=1, keepdims=True)
        path = [lengths / np.where(whole > 0, whole, np.nan), table.turns, table.supports]
        columns += [_as_wide(values, count) for values in (*path, table.arrivals)]
        return np.concatenate(columns, axis=1)


class PerturbedStateProbe(_InsideProbe):
    """σ(w · x + b), the probability of error given how the answer yields to a push, in [0, 1].

    The hidden state is moved by growing radii r along the gradient of -ln P(answer). x has, at each
    r > 0, what the answer loses (p₀ - p_r and ln p₀ - ln p_r of the options), entropies over
    options and vocabulary, KL(q₀ ‖ q_r), the margin of the logits and the cosine of the states;
    the same at r = 0; the norms of state and gradient; the first r at which another option leads
    (the largest r if none does), and the mean loss over the radii. Standardized, with ``penalty``
    / 2 · ‖w‖², fitted out of fold. The source trains a network on 75 such features of the answer's
    tokens.
    """

    name = "perturbed_state_probe"
    needs = frozenset({Signal.PERTURBED_STATE})
    reference = "after CCPS, arXiv 2505.21772"
    lacking = "the model's output head cannot be read"

    def features(self, signals: Signals) -> FloatArray:
        """Return (n, 7 S + 8) features of S radii above 0."""
        table = signals.table(PerturbedStateTable)
        p = _stored_part(table.option_probs)
        n, count, width = p.shape
        if count < 2:
            return np.full((n, 0), np.nan)
        filled = np.where(np.isnan(p), -1.0, p)
        best = filled.argmax(axis=2)
        answer = np.repeat(best[:, :1], count, axis=1)
        own = pick(p.reshape(n * count, width), answer.ravel()).reshape(n, count)
        with np.errstate(divide="ignore"):
            logs = np.log(own)
        drops = np.clip(logs[:, :1] - logs, -_MOST_DROP, _MOST_DROP)
        options = entropy(p)
        radii, entropies, divergences, margins, cosines = (
            _as_wide(getattr(table, name), count)
            for name in ("radii", "entropies", "divergences", "margins", "cosines")
        )
        at_zero = [own, options, entropies, margins]
        moved = [own[:, :1] - own, drops, options, entropies, divergences, margins, cosines]
        flips = (best != answer) & ~np.isnan(own)
        first = np.where(flips.any(axis=1), flips.argmax(axis=1), count - 1)
        gaps = np.diff(radii, axis=1)
        losses = np.maximum(drops, 0.0)
        area = ((losses[:, 1:] + losses[:, :-1]) / 2 * gaps).sum(axis=1) / gaps.sum(axis=1)
        single = [table.gradient_norm, table.state_norm, pick(radii, first), area]
        return np.concatenate(
            [
                *(values[:, :1] for values in at_zero),
                *(values[:, 1:] for values in moved),
                np.stack(single, axis=1),
            ],
            axis=1,
        )


def _stored_part(p: FloatArray) -> FloatArray:
    """Return (n, m, K) distributions without those behind that no question has."""
    stored = np.flatnonzero(~np.isnan(p).all(axis=(0, 2)))
    return p[:, : stored[-1] + 1] if len(stored) else p[:, :0]


def _as_wide(values: FloatArray, count: int) -> FloatArray:
    """Return (n, m) values with ``count`` columns, NaN where there are fewer."""
    missing = np.full((len(values), max(0, count - values.shape[1])), np.nan)
    return np.concatenate([values[:, :count], missing], axis=1)


def _shannon(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return (n, L) Jensen-Shannon divergences of (n, L, K) distributions, nats."""
    n, count, width = first.shape
    pairs = np.stack([first, second], axis=2).reshape(n * count, 2, width)
    return mutual_information(pairs).reshape(n, count)
