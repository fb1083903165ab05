"""The signals: their names, and the table that declares each, one row per question.

A table says all that others must know of its signal: columns, variants, what a question costs,
whether rows depend on the answer. The store's schema, the batch and the lists follow from it, and
`benchmark/run/probes` has one file per signal that collects it. "nats" are natural logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from .state_tables import (
    HiddenStateTable,
    LayerAnswersTable,
    OptionStatesTable,
    PerturbedStateTable,
)
from .tables import BoolArray, FloatArray, IntArray, Kind, ObjectArray, SignalTable, column
from .trace_tables import (
    ForcedAnswersTable,
    Options,
    PromptTable,
    QuestionTokensTable,
    TraceTable,
)

__all__ = [
    "ForcedAnswersTable",
    "HiddenStateTable",
    "LayerAnswersTable",
    "OptionStatesTable",
    "PerturbedStateTable",
    "PromptTable",
    "QuestionTokensTable",
    "TraceTable",
]


class Signal(str, Enum):
    """Names of the signals; an estimator lists those it needs. Each has a table."""

    ANSWER = "answer"
    TRACE = "trace"
    FORCED_ANSWERS = "forced_answers"
    PROMPT = "prompt"
    QUESTION_TOKENS = "question_tokens"
    SAMPLES = "samples"
    PERMUTED_ANSWERS = "permuted_answers"
    PROMPTED_ANSWERS = "prompted_answers"
    SELF_REPORT = "self_report"
    JUDGEMENT = "judgement"
    HIDDEN_STATE = "hidden_state"
    LAYER_ANSWERS = "layer_answers"
    OPTION_STATES = "option_states"
    PERTURBED_STATE = "perturbed_state"
    COMMITTEE = "committee"
    RECORDED_SCORE = "recorded_score"

    def variant(self, name: str) -> Need:
        """One variant of the signal, e.g. ``Signal.JUDGEMENT.variant("complexity")``."""
        return Need(frozenset({self}), name)

    def __or__(self, other: Signal) -> Need:
        """Either of two signals, whichever a task gives."""
        return Need(frozenset({self, other}))

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Need:
    """One requirement of an estimator: any one of ``signals``, in the named variant."""

    signals: frozenset[Signal]
    variant: str = ""

    @classmethod
    def of(cls, need: Signal | Need) -> Need:
        """Return a plain signal as a Need."""
        return need if isinstance(need, Need) else cls(frozenset({need}))

    def __str__(self) -> str:
        names = " or ".join(sorted(signal.value for signal in self.signals))
        return f"{names}[{self.variant}]" if self.variant else names


@dataclass(frozen=True)
class AnswerTable(Options, SignalTable, signal=Signal.ANSWER, cost="1 prompt", outcome=True):
    """The direct answer: the model's distribution at the answer token."""

    option_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) natural-log probability of each option's label, variants such as "A" and " A"
    merged, not renormalized, so that their exp sums to at most 1. NaN beyond a question's last
    option. Imported logits are stored after a log-softmax over the options, and so are
    log-likelihoods of options that are whole texts, after their normalization."""
    scored_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) log-likelihood of the exact continuation that lm-eval asked for; it decides
    ``answer``."""
    dont_know_logprob: FloatArray = column(Kind.FLOAT)
    """(n,) log-probability of the reserved don't-know label, where the task has one."""
    entropy: FloatArray = column(Kind.FLOAT)
    """(n,) entropy of the full-vocabulary distribution at the answer token, nats."""
    post_answer_entropy: FloatArray = column(Kind.FLOAT)
    """(n,) the same one token later: after the chosen label has been appended, nats."""
    top_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, k) the k largest log-probabilities at the answer token, in descending order."""
    missing_mass: FloatArray = column(Kind.FLOAT)
    """(n,) probability outside ``top_logprobs``, in [0, 1]."""
    log_normalizer: FloatArray = column(Kind.FLOAT)
    """(n,) ln Σ exp z over the vocabulary's raw logits z, which are log-probabilities plus this
    number; NaN where an engine shows log-probabilities only."""
    answer: IntArray = column(Kind.INT)
    """(n,) index of the chosen option, -1 for none."""
    status: ObjectArray = column(Kind.TEXT)
    """(n,) a ``Status``: is the single most probable token a label of an option? Always parsed
    where options are whole texts."""
    correct: IntArray = column(Kind.INT)
    """(n,) 1 right, 0 wrong, as lm-eval (or the imported record) scored it; -1 unknown."""
    prompt_tokens: IntArray = column(Kind.INT)
    """(n,) length of the prompt in tokens."""
    option_tokens: IntArray = column(Kind.INTS)
    """(n, K) number of tokens of each option that is a whole text; none for labels."""
    prior_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) log-likelihood of each such option without the prompt, where it was asked for."""


@dataclass(frozen=True)
class SamplesTable(SignalTable, signal=Signal.SAMPLES, cost="1 prompt or k texts", keyed=True):
    """k answers drawn at a temperature. Variants: "direct", "cot" (each through its own trace).

    The seed of a draw depends on the question and the draw alone, never on the batch, so that any
    subset and any resumed run give the same samples.
    """

    answers: IntArray = column(Kind.INTS)
    """(n, k) index of the option that each sample picked, -1 for a sample that named none."""
    answer_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, k) log-probability of the picked option's label where the sample's answer token is
    drawn, under the unscaled model (temperature 1), label variants merged, nats; NaN for a sample
    that named none."""
    texts: ObjectArray = column(Kind.TEXTS)
    """(n, k) the sampled texts; None for direct answers."""
    count: IntArray = column(Kind.INT)
    """(n,) number of samples drawn: tells a sample that named no option from padding where the
    questions of a batch have different numbers of samples. -1 = as many as the table is wide."""
    temperature: FloatArray = column(Kind.FLOAT)
    """(n,) temperature of the draws, above 0."""
    seed: IntArray = column(Kind.INT)
    """(n,) the run's seed, from which the draws' seeds are derived."""

    @property
    def drawn(self) -> BoolArray:
        """(n, k) whether there is a sample, as opposed to padding."""
        width = self.answers.shape[1]
        count = np.where(self.count < 0, width, self.count)
        return (np.arange(width) < count[:, None]) & self.present[:, None]


@dataclass(frozen=True)
class PermutedAnswersTable(
    Options, SignalTable, signal=Signal.PERMUTED_ANSWERS, cost="K - 1 prompts", derived=True
):
    """The direct answer under R cyclic orders of the options; labels stay in their places.

    Order r shows the original option ``(i + shift) mod K`` at position i (label A, B, …). The
    order with shift 0 is the question as asked. Everything is mapped back to original options.
    """

    option_logprobs: FloatArray = column(Kind.FLOAT_LISTS)
    """(n, R, K) log-probability of each ORIGINAL option under each order, as in AnswerTable: not
    renormalized; NaN beyond a question's last option."""
    shifts: IntArray = column(Kind.INTS)
    """(n, R) the orders' shifts, in 0..K-1; -1 is padding."""
    answers: IntArray = column(Kind.INTS)
    """(n, R) index of the ORIGINAL option chosen under each order, -1 for none."""


@dataclass(frozen=True)
class PromptedAnswersTable(
    Options, SignalTable, signal=Signal.PROMPTED_ANSWERS, cost="1 prompt per variant", keyed=True
):
    """The direct answer to another prompt.

    Variants: "paraphrase_1" to "paraphrase_4" (other wordings of the prompt), "no_stem" (options
    alone), "shuffled_stem" (the stem's words in a seeded random order), "instruction" (the
    plain prompt with an instruction added), "content_free" ("N/A" instead of the stem and of each
    option: what is left is the preference for option ids).
    """

    option_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) as in AnswerTable, options in their original order."""
    answer: IntArray = column(Kind.INT)
    """(n,) index of the chosen option, -1 for none."""


@dataclass(frozen=True)
class SelfReportTable(
    SignalTable,
    signal=Signal.SELF_REPORT,
    cost="1 prompt or text; K texts (each_option)",
    keyed=True,
    derived=True,
):
    """What the model states about its own answer.

    Variants: "p_true" (is the proposed answer true?), "p_true_1" to "p_true_10" (the same, with
    that many sampled answers shown), "before" (does it know the answer, asked before it gives one),
    "one_step" (answer and confidence at once), "two_step" (confidence in the answer it gave
    before), "two_step_0_10" (the same as a number from 0 to 10), "expected_0_10" (the distribution
    of that number), "top_k" (several guesses with confidences), "linguistic" (a phrase such as
    "fairly sure"), "distribution" (a probability of every option), "each_option" (the confidence in
    every option, asked apart), "among_samples" (the question with the answer and the sampled
    options alone).
    """

    text: ObjectArray = column(Kind.TEXT)
    """(n,) the reply; None where only a distribution was read (p_true and before, expected_0_10,
    among_samples). For each_option a reply after each option's label, in lines."""
    value: FloatArray = column(Kind.FLOAT)
    """(n,) stated confidence in [0, 1]; for p_true and before P(True) / (P(True) + P(False)); for
    linguistic the number that the phrase stands for; for top_k the first guess's; for distribution
    the largest; for each_option the answer's; for expected_0_10 a tenth of the expected number; for
    among_samples the answer's probability among the options shown. NaN if not parsed."""
    values: FloatArray = column(Kind.FLOATS)
    """(n, k) in [0, 1], not normalized: the confidence in each of ``answers`` as stated, NaN if not
    parsed; for among_samples the probability of its label; for expected_0_10 that of the numbers
    0 to 10."""
    answers: IntArray = column(Kind.INTS)
    """(n, k) the options that ``values`` are about: the guesses of top_k, -1 for a guess that named
    none; every option (distribution, each_option); the options shown (among_samples)."""
    reason: ObjectArray = column(Kind.TEXT)
    """(n,) why ``value`` is missing, e.g. ``confidence not parsed: "…"``; None where it is
    there."""


@dataclass(frozen=True)
class JudgementTable(
    SignalTable, signal=Signal.JUDGEMENT, cost="2 texts of a judge", keyed=True, derived=True
):
    """One judge's reply to one questionnaire.

    Variants: "complexity", "education_level", "reasoning_steps" (about the question alone), and
    "correctness" (about the question and the evaluated model's answer).
    """

    text: ObjectArray = column(Kind.TEXT)
    """(n,) the reply."""
    value: FloatArray = column(Kind.FLOAT)
    """(n,) its value in [0, 1], NaN if it could not be read. For "correctness" the probability
    that the model's answer is right."""
    labels: ObjectArray = column(Kind.TEXTS)
    """(n, m) the words in the marker, e.g. education level, or knowledge, reasoning, steps."""
    rating_text: ObjectArray = column(Kind.TEXT)
    """(n,) the reply to the second call, which rates the first."""
    rating: FloatArray = column(Kind.FLOAT)
    """(n,) that rating, 1 to 10, NaN if it could not be read."""
    label_probs: FloatArray = column(Kind.FLOATS)
    """(n, L) probability of each of the questionnaire's ordered labels at the place in the reply
    where it is named: not renormalized, so that they sum to at most 1."""
    label_values: FloatArray = column(Kind.FLOATS)
    """(n, L) the value in [0, 1] that each of these labels stands for."""
    reason: ObjectArray = column(Kind.TEXT)
    """(n,) why ``value`` or ``rating`` is missing, None where both are there."""


@dataclass(frozen=True)
class CommitteeTable(Options, SignalTable, signal=Signal.COMMITTEE, cost="other models' answers"):
    """The answers of one other model to the same questions; the panel's source is its name.

    They are never collected by an engine, but read from other models' stores during scoring. A
    question that the other model was not asked is not present; one that it was asked without
    answering is present with answer -1.
    """

    answer: IntArray = column(Kind.INT)
    """(n,) index of the option that it chose, -1 for none."""
    option_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) as in AnswerTable; NaN where only its answer is known."""


@dataclass(frozen=True)
class RecordedScoreTable(SignalTable, signal=Signal.RECORDED_SCORE, cost="imported", keyed=True):
    """A score that was computed elsewhere and imported; the variant is its name."""

    score: FloatArray = column(Kind.FLOAT)
    """(n,) higher = more uncertain."""


_DECLARED = {Signal(table.signal): table for table in SignalTable.__subclasses__()}
TABLES: dict[Signal, type[SignalTable]] = {
    signal: _DECLARED[signal] for signal in Signal if signal in _DECLARED
}
"""Signal → the table that declares it, in the order of their names."""
