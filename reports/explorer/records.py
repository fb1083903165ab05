"""What the explorer shows of one model on one task, declared; who stores it is no matter here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..statistics.short_repr import short_repr

ENTROPY, SURPRISE = "entropy", "surprise"
"""Quantities that color tokens: full-vocabulary entropy, or -ln p of the token; both in nats."""


@dataclass(frozen=True)
class QuestionText:
    """The text of a question and of its options; None and empty where they are not stored."""

    question: str | None
    options: Sequence[str] = ()


@dataclass(frozen=True)
class TraceRecord:
    """A generated text with what is known of its tokens.

    Attributes:
        text: the text.
        reasoning: reasoning that was returned apart from the text, or None.
        token_ends: offset in ``text``, in characters, behind each token; empty if unknown.
        token_values: entropy or surprise of each token, nats, NaN where unknown.
        quantity: which of both.
        answer_token: index of the first token of the answer, -1 if unknown.
        answer_span: first character of the answer that was read, and the one behind; None for none.
        facts: sentences' parts on the text, e.g. "66 tokens".
    """

    text: str
    reasoning: str | None = None
    token_ends: Sequence[int] = ()
    token_values: Sequence[float] = ()
    quantity: str = ENTROPY
    answer_token: int = -1
    answer_span: tuple[int, int] | None = None
    facts: Sequence[str] = ()


@dataclass(frozen=True)
class SampleRecord:
    """Sampled answers: option indices (-1 = none named) and their texts, if there are any."""

    variant: str
    answers: Sequence[int]
    texts: Sequence[str | None] = ()
    temperature: float = float("nan")


@dataclass(frozen=True)
class AnswerRecord:
    """The answer under another order of the options, or to another prompt, in original options."""

    name: str
    answer: int
    probabilities: Sequence[float] = ()


@dataclass(frozen=True)
class StatementRecord:
    """What the model states about its own answer: a confidence in [0, 1], NaN if unread."""

    variant: str
    value: float
    text: str | None
    reason: str | None


@dataclass(frozen=True)
class JudgementRecord:
    """One judge's reply to one questionnaire, and its rating of it; NaN if unread."""

    questionnaire: str
    judge: str
    value: float
    labels: Sequence[str]
    rating: float
    text: str | None
    rating_text: str | None
    reason: str | None


@dataclass(frozen=True)
class Detail:
    """What is stored of the model's answer to one question.

    Attributes:
        probabilities: of the options, renormalized over them; empty if unknown.
        rule: name of the rule that read the answer in a text, or None.
        reasons: estimator → why it has no score.
        trace: the chain of thought, or None.
    """

    probabilities: Sequence[float] = ()
    rule: str | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    trace: TraceRecord | None = None
    samples: Sequence[SampleRecord] = ()
    orders: Sequence[AnswerRecord] = ()
    prompted: Sequence[AnswerRecord] = ()
    statements: Sequence[StatementRecord] = ()
    judgements: Sequence[JudgementRecord] = ()


@short_repr
@dataclass(frozen=True)
class Explored:
    """One model on one task, n questions; all sequences and arrays are in the same order.

    Attributes:
        model: name of the model.
        task: name of the task.
        question_ids: the ids.
        topics: topic of each question.
        labels: labels of the options, as many as the question with the most has.
        gold: (n,) index of the right option, -1 if unknown.
        answer: (n,) index of the answer, -1 for none.
        correct: (n,) 1 right, 0 wrong, -1 unknown.
        status: status of each answer, see `STATUSES`.
        beginnings: beginning of each question's text on one line; empty if none is stored.
        strata: stratum → value of each question, None for none.
        scores: estimator → (n,) scores, higher = more uncertain, NaN for none.
        prompted: prompt → (n,) answers to it, -1 for none, -2 where it was not asked.
        texts: gives the questions' texts, in order.
        details: gives what is stored of the answers, in order.
        notes: sentences on what is not stored.
    """

    model: str
    task: str
    question_ids: Sequence[str]
    topics: Sequence[str]
    labels: Sequence[str]
    gold: NDArray[np.int64]
    answer: NDArray[np.int64]
    correct: NDArray[np.int64]
    status: Sequence[str]
    beginnings: Sequence[str]
    strata: Mapping[str, Sequence[str | None]]
    scores: Mapping[str, NDArray[np.float64]]
    prompted: Mapping[str, NDArray[np.int64]]
    texts: Callable[[], Iterator[QuestionText]]
    details: Callable[[], Iterator[Detail]]
    notes: Sequence[str] = ()
