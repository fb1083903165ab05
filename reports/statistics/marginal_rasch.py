"""The Rasch model by marginal maximum likelihood, and the fit of single questions to it.

P(model m fails on question q) = σ(δ_q - a_m), δ ~ N(0, s²). Abilities a and spread s are fitted
with the difficulties δ integrated out, so that they stay consistent with few models and many
questions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logsumexp

from .ranking import FloatArray
from .short_repr import short_repr

NODES = 41


@short_repr
@dataclass(frozen=True)
class MarginalRasch:
    """Fitted Rasch model.

    Attributes:
        ability: (m,) abilities in logits; a question of difficulty 0 is failed with σ(-ability).
        spread: standard deviation of the difficulties, logits.
        difficulty: (q,) posterior means of the difficulties, logits.
        error: (q,) posterior standard deviations.
        log_likelihood: marginal log-likelihood, nats.
    """

    ability: FloatArray
    spread: float
    difficulty: FloatArray
    error: FloatArray
    log_likelihood: float

    def chance(self) -> FloatArray:
        """Return (m, q) probabilities of an error at the posterior means."""
        return expit(self.difficulty[None, :] - self.ability[:, None])


def marginal_rasch(errors: FloatArray) -> MarginalRasch:
    """Fit the model to errors (m, q): 1 wrong, 0 right, NaN not asked, values between graded.

    Args:
        errors: (m, q) outcomes of m models, each with a known one, on q questions.

    Returns:
        The fit; without a spread between questions all difficulties are 0.

    References:
        Bock and Aitkin (1981), doi 10.1007/BF02293801. Quadrature: Gauss-Hermite, 41 nodes.
    """
    known = ~np.isnan(errors)
    wrong = np.nan_to_num(errors)
    right = np.where(known, 1 - wrong, 0.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    log_weights = np.log(weights / weights.sum())

    def joint(ability: FloatArray, spread: float) -> FloatArray:
        """Return (q, nodes) log-probabilities of the outcomes and the node."""
        logits = spread * nodes[None, :] - ability[:, None]
        fit: FloatArray = wrong.T @ log_expit(logits) + right.T @ log_expit(-logits)
        return fit + log_weights

    def loss(given: FloatArray) -> tuple[float, FloatArray]:
        ability, spread = given[:-1], float(np.exp(given[-1]))
        logs = joint(ability, spread)
        total = logsumexp(logs, axis=1)
        posterior = np.exp(logs - total[:, None])
        chance = expit(spread * nodes[None, :] - ability[:, None])
        # (m, nodes): expected outcomes minus those that the model predicts, per node.
        gap = wrong @ posterior - (known.astype(np.float64) @ posterior) * chance
        slope = np.append(gap.sum(axis=1), -spread * (gap * nodes).sum())
        return -float(total.sum()), slope

    share = wrong.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    start = np.append(-np.log((share + 0.01) / (1.01 - share)), 0.0)
    bounds = [(-12.0, 12.0)] * len(share) + [(-7.0, 3.0)]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9 * max(errors.size, 1)},
    )  # fmt: skip
    ability, spread = found.x[:-1], float(np.exp(found.x[-1]))
    logs = joint(ability, spread)
    posterior = np.exp(logs - logsumexp(logs, axis=1)[:, None])
    mean = spread * posterior @ nodes
    variance = np.maximum(spread**2 * posterior @ nodes**2 - mean**2, 0.0)
    return MarginalRasch(ability, spread, mean, np.sqrt(variance), -float(found.fun))


def outfit(errors: FloatArray, chance: FloatArray) -> FloatArray:
    """Compute the outfit of q questions: the mean squared standardized residual over the models.

    About 1 where outcomes follow the model; large where strong models fail and weak ones do not.

    Args:
        errors: (m, q) outcomes, NaN = not asked.
        chance: (m, q) probabilities of an error, in (0, 1).

    Returns:
        (q,) outfit, at least 0; NaN without outcomes.

    References:
        Wright and Masters (1982), Rating scale analysis.
    """
    squared = (errors - chance) ** 2 / np.maximum(chance * (1 - chance), 1e-12)
    known = (~np.isnan(squared)).sum(axis=0)
    return np.where(known > 0, np.nansum(squared, axis=0) / np.maximum(known, 1), np.nan)


def standardized_outfit(fit: FloatArray, errors: FloatArray, chance: FloatArray) -> FloatArray:
    """Transform outfits (q,) to about standard normal deviates by Wilson and Hilferty's cube root.

    The variance of the outfit under the model is Σ (κ / w² - 1) / n², with the fourth central
    moment κ and the variance w of each outcome.
    """
    known = ~np.isnan(errors)
    w = np.maximum(chance * (1 - chance), 1e-12)
    fourth = w * (1 - 3 * w)
    n = np.maximum(known.sum(axis=0), 1)
    spread = np.sqrt(np.maximum(np.where(known, fourth / w**2 - 1, 0).sum(axis=0), 1e-12)) / n
    return (np.cbrt(fit) - 1) * (3 / spread) + spread / 3
