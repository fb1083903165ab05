"""Estimators that ask again in another way: option orders, prompts, without the stem.

``p_r`` is the distribution over the K original options under order or prompt r of R, p̄ their mean.
"""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of, whole_number
from ..signals.batch import Need, PromptedAnswersTable, Signal, Signals
from ..signals.probabilities import (
    divergence,
    entropy,
    mean_distribution,
    mutual_information,
    pick,
    shares,
    softmax,
    stack_distributions,
    surprisal,
)
from ..signals.tables import BoolArray, FloatArray, IntArray

FAMILY = "perturbations"
_LN2 = float(np.log(2.0))
_LEAST = 1e-12


class _PermutationEstimator(Estimator):
    needs = frozenset({Signal.PERMUTED_ANSWERS})
    family = FAMILY
    cost = "x"

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return "fewer than two option orders" if signals.permuted_answers.present[row] else None


class PermutationEntropy(_PermutationEstimator):
    """H(p̄) over the cyclic option orders, nats, in [0, ln K].

    Averaging over all orders takes out the model's preference for a position.
    """

    name = "permutation_entropy"
    reference = "arXiv 2309.03882"

    def score(self, signals: Signals) -> FloatArray:
        p = signals.permuted_answers.option_probs
        enough = (~np.isnan(p).all(axis=2)).sum(axis=1) > 1
        return np.where(enough, entropy(mean_distribution(p)), np.nan)


class PermutationConsistency(_PermutationEstimator):
    """1 - the largest share of the cyclic option orders that agree on one option, in [0, 1 - 1/K].

    An order under which no option was chosen agrees with none.
    """

    name = "permutation_consistency"
    reference = "arXiv 2308.11483"

    def score(self, signals: Signals) -> FloatArray:
        table = signals.permuted_answers
        return one_minus_top_share(table.answers, table.shifts >= 0)


class PermutationMutualInformation(_PermutationEstimator):
    """H(p̄) - mean H(p_r) over the cyclic option orders, nats, in [0, ln R].

    What the order decides about the answer: 0 where the order does not matter.
    """

    name = "permutation_mutual_information"
    reference = "arXiv 1112.5745; over option orders: apprehend"

    def score(self, signals: Signals) -> FloatArray:
        return mutual_information(signals.permuted_answers.option_probs)


class InvEntropy(_PermutationEstimator):
    """-Σ_r w_r ln w_r with w_r = Σ_s Y_rs X_sr: uncertainty of the input given its output, nats.

    X and Y are similarities of the R inputs and of their outputs, each row divided by its sum; w_r
    is the probability of walking from output r back to input r. Inputs are the cyclic option
    orders, X = 1 - (circular distance of the shifts) / K. Outputs: ``kernel`` "letter" is 1 for the
    same option, else 0; "jsd" is 1 - JSD(p_r, p_s) in bits. In [0, R/e].
    """

    name = "inv_entropy"
    reference = "arXiv 2506.09684"

    def __init__(self, kernel: str = "letter") -> None:
        self.kernel = one_of("kernel", kernel, ("letter", "jsd"))

    def score(self, signals: Signals) -> FloatArray:
        table = signals.permuted_answers
        p = table.option_probs
        there = table.shifts >= 0
        if self.kernel == "jsd":
            there = there & ~np.isnan(p).all(axis=2)
            outputs = _divergence_kernel(p)
        else:
            there = there & (table.answers >= 0)
            outputs = (table.answers[:, :, None] == table.answers[:, None, :]).astype(np.float64)
        pairs = there[:, :, None] & there[:, None, :]
        inputs = _order_kernel(table.shifts, signals.option_count)
        back = np.einsum("nrs,nsr->nr", _row_shares(outputs, pairs), _row_shares(inputs, pairs))
        return np.where(there.sum(axis=1) > 1, surprisal(back).sum(axis=1), np.nan)


class _PromptEstimator(Estimator):
    """``m`` is the number of prompt variants, of the four that there are."""

    family = FAMILY
    cost = "x"

    def __init__(self, m: int = 4) -> None:
        self.m = whole_number("m", m, 2)
        if m > 4:
            raise ValueError(f"Expected `m` to be at most 4, but got {m!r}")
        self.needs = _paraphrases(m)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        panels = signals.prompted_answers
        seen = sum(bool(panels[need.variant].present[row]) for need in self.requirements())
        return f"answers to {seen} of {self.m} prompts stored" if seen else None


def _paraphrases(count: int) -> frozenset[Need]:
    return frozenset(
        Signal.PROMPTED_ANSWERS.variant(f"paraphrase_{i}") for i in range(1, count + 1)
    )


class PromptConsistency(_PromptEstimator):
    """1 - the largest share of the m prompt variants that agree on one option, in [0, 1 - 1/m]."""

    name = "prompt_consistency"
    needs = _paraphrases(4)
    reference = "arXiv 2310.11324"

    def score(self, signals: Signals) -> FloatArray:
        tables = _prompts(signals, self.m)
        answers = np.stack([table.answer for table in tables], axis=1)
        present = np.stack([table.present for table in tables], axis=1)
        return np.where(present.all(axis=1), one_minus_top_share(answers, present), np.nan)


class PromptMutualInformation(_PromptEstimator):
    """H(p̄) - mean H(p_r) over the m prompt variants, nats, in [0, ln m]."""

    name = "prompt_mutual_information"
    needs = _paraphrases(4)
    reference = "arXiv 1112.5745; arXiv 2311.08718"

    def score(self, signals: Signals) -> FloatArray:
        p = stack_distributions([table.option_probs for table in _prompts(signals, self.m)])
        known = np.count_nonzero(~np.isnan(p).all(axis=2), axis=1)
        return np.where(known == self.m, mutual_information(p), np.nan)


class _PairEstimator(Estimator):
    """Compares the plain prompt with another one."""

    is_divergence = True
    family = FAMILY
    cost = "m"
    reference = "apprehend"

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        seen = all(
            signals.prompted_answers[need.variant].present[row]
            for need in self.requirements()
            if need.variant
        )
        there = seen and signals.answer.present[row]
        return "no option probabilities stored" if there else None


class QuestionAblation(_PairEstimator):
    """p_ablated(answer) - p(answer), in [-1, 1]: how little the answer rests on the question.

    PLPD with its sign turned: the probability of the model's answer when the stem is left out
    (``ablation`` "no_stem", options only) or its words are shuffled ("shuffled_stem").
    """

    name = "question_ablation"
    needs = frozenset({Signal.ANSWER, Signal.PROMPTED_ANSWERS.variant("no_stem")})
    reference = "arXiv 2403.07366"

    def __init__(self, ablation: str = "no_stem") -> None:
        self.ablation = one_of("ablation", ablation, ("no_stem", "shuffled_stem"))
        self.needs = frozenset({Signal.ANSWER, Signal.PROMPTED_ANSWERS.variant(ablation)})

    def score(self, signals: Signals) -> FloatArray:
        plain, ablated = signals.answer, signals.prompted_answers[self.ablation].only
        return pick(ablated.option_probs, plain.answer) - pick(plain.option_probs, plain.answer)


class InstructionGap(_PairEstimator):
    """KL(p ‖ p_instructed), nats, in [0, ∞]: how far an instruction moves the answer."""

    name = "instruction_gap"
    needs = frozenset({Signal.ANSWER, Signal.PROMPTED_ANSWERS.variant("instruction")})

    def score(self, signals: Signals) -> FloatArray:
        instructed = signals.prompted_answers["instruction"].only.option_probs
        plain = signals.answer.option_probs
        width = min(plain.shape[1], instructed.shape[1])
        return divergence(plain[:, :width], instructed[:, :width])


class ContextualCalibration(_PairEstimator):
    """1 - p̃(answer) with p̃ ∝ p / p_free, in [0, 1]: the answer without the prompt's own bias.

    p_free is the distribution over the options where the stem and every option read "N/A", at
    least 1e-12 each.
    """

    name = "contextual_calibration"
    needs = frozenset({Signal.ANSWER, Signal.PROMPTED_ANSWERS.variant("content_free")})
    is_divergence = False
    reads_positions = True
    reference = "arXiv 2102.09690"

    def score(self, signals: Signals) -> FloatArray:
        plain = signals.answer.option_logprobs
        free = signals.prompted_answers["content_free"].only.option_probs
        width = min(plain.shape[1], free.shape[1])
        gain = plain[:, :width] - np.log(np.maximum(free[:, :width], _LEAST))
        return 1.0 - pick(softmax(gain), signals.answer.answer)


def one_minus_top_share(answers: IntArray, present: BoolArray) -> FloatArray:
    """(n,) 1 - the largest share of (n, r) answers on one option; NaN for fewer than two asked.

    Answers of -1 count among those asked and agree with none; NaN where all are -1.
    """
    votes = shares(answers, present.astype(np.float64))[:, :-1]
    named = (present & (answers >= 0)).any(axis=1)
    top = votes.max(axis=1, initial=0.0)
    return np.where((present.sum(axis=1) > 1) & named, 1.0 - top, np.nan)


def _prompts(signals: Signals, count: int) -> list[PromptedAnswersTable]:
    return [signals.prompted_answers[f"paraphrase_{i}"].only for i in range(1, count + 1)]


def _row_shares(similarity: FloatArray, pairs: BoolArray) -> FloatArray:
    """(n, R, R) similarities of the pairs that are there, each row divided by its sum."""
    kept = np.where(pairs, similarity, 0.0)
    total = kept.sum(axis=2, keepdims=True)
    return np.where(total > 0, kept / np.where(total > 0, total, 1.0), 0.0)


def _order_kernel(shifts: IntArray, option_count: IntArray) -> FloatArray:
    """(n, R, R) 1 - circular distance of two shifts, in parts of K; at least one half."""
    count = np.maximum(option_count, 1)[:, None, None]
    gap = np.abs(shifts[:, :, None] - shifts[:, None, :])
    near: FloatArray = 1.0 - np.minimum(gap, count - gap) / count
    return near


def _divergence_kernel(p: FloatArray) -> FloatArray:
    """(n, R, R) 1 - Jensen-Shannon divergence in bits of each pair of rows of (n, R, K)."""
    middle = (p[:, :, None, :] + p[:, None, :, :]) / 2
    separate = entropy(p)
    jsd = entropy(middle) - (separate[:, :, None] + separate[:, None, :]) / 2
    return 1.0 - np.clip(jsd / _LN2, 0.0, 1.0)
