"""The tables of texts: the chain of thought, the prompt that asked for it, and the question."""

from __future__ import annotations

from dataclasses import dataclass

from .probabilities import softmax
from .tables import FloatArray, IntArray, Kind, ObjectArray, SignalTable, column


class Options:
    """Tables with log-probabilities of options."""

    option_logprobs: FloatArray

    @property
    def option_probs(self) -> FloatArray:
        """(n, K) or (n, R, K) probabilities renormalized over the options (sum 1; NaN padding)."""
        return softmax(self.option_logprobs)


@dataclass(frozen=True)
class TraceTable(Options, SignalTable, signal="trace", cost="1 text", outcome=True):
    """A chain of thought, token by token, with the position of the answer token."""

    text: ObjectArray = column(Kind.TEXT)
    """(n,) the generated text."""
    token_logprobs: FloatArray = column(Kind.FLOATS, single=True)
    """(n, T) log-probability of each generated token, nats; without the end-of-sequence token."""
    token_entropies: FloatArray = column(Kind.FLOATS, single=True)
    """(n, T) full-vocabulary entropy at each generated token, nats."""
    token_top_logprobs: FloatArray = column(Kind.FLOAT_LISTS, single=True)
    """(n, T, k) the k largest log-probabilities at each token, descending."""
    token_uniform_kl: FloatArray = column(Kind.FLOATS, single=True)
    """(n, T) KL(uniform ‖ q) at each generated token: -ln V - (1/V) Σ_v ln q_v over the full
    vocabulary, nats. Tokens that the model cannot produce (-inf) are left out of V."""
    answer_position: IntArray = column(Kind.INT)
    """(n,) index of the answer's first token among the generated ones, -1 if not found."""
    option_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) as in AnswerTable, at the answer position."""
    answer: IntArray = column(Kind.INT)
    """(n,) index of the option in the last marker, -1 if not found."""
    status: ObjectArray = column(Kind.TEXT)
    """(n,) a ``Status``."""
    correct: IntArray = column(Kind.INT)
    """(n,) 1 right, 0 wrong, -1 unknown."""
    prompt_tokens: IntArray = column(Kind.INT)
    """(n,) length of the prompt in tokens."""
    rule: ObjectArray = column(Kind.TEXT)
    """(n,) name of the rule that read the answer, see `apprehend.tasks.reading`; None without."""
    finished: IntArray = column(Kind.INT)
    """(n,) 1 if the model ended the text, 0 if the token limit did, -1 unknown."""
    answer_start: IntArray = column(Kind.INT)
    """(n,) index of the first token of the answer, behind the reasoning of a thinking model: 0 for
    a text without reasoning, T for one that ends within it, -1 unknown."""
    reasoning: ObjectArray = column(Kind.TEXT)
    """(n,) the reasoning that an endpoint returns apart from the text; None where it is part of
    ``text``, or there is none."""
    thought_closed: IntArray = column(Kind.INT)
    """(n,) 1 if the thought was closed because its budget was spent, 0 if not, -1 unknown."""
    tokens_missing: ObjectArray = column(Kind.TEXT)
    """(n,) why nothing is stored of the tokens of this text; None where it is."""
    looped: IntArray = column(Kind.INT)
    """(n,) 1 if an n-gram is repeated over the last 256 tokens at least, 0 if not, -1 unknown."""
    loop_start: IntArray = column(Kind.INT)
    """(n,) index of the first token of that loop, -1 without one."""
    token_ends: IntArray = column(Kind.INTS)
    """(n, T) offset in ``text``, in characters, behind each generated token; none where the tokens
    do not spell the text. A character of several tokens belongs to the last of them, and what
    closes a thought to the token behind it."""


@dataclass(frozen=True)
class PromptTable(SignalTable, signal="prompt", cost="none, stored with the answer"):
    """The prompt of the answer or of the chain of thought."""

    text: ObjectArray = column(Kind.TEXT)
    """(n,) the prompt as it was given to the engine, rendered by the chat template if it is used;
    for a chat endpoint, which renders them itself, the messages as JSON."""


@dataclass(frozen=True)
class QuestionTokensTable(SignalTable, signal="question_tokens", cost="1 prompt"):
    """The text of the question, stem and options, as the model reads it without any prompt."""

    tokens: ObjectArray = column(Kind.TEXTS)
    """(n, T) the tokens behind the first (BOS), as the model's vocabulary spells them."""
    token_logprobs: FloatArray = column(Kind.FLOATS, single=True)
    """(n, T) log-probability of each token given those before it, nats."""


@dataclass(frozen=True)
class ForcedAnswersTable(
    Options,
    SignalTable,
    signal="forced_answers",
    cost="5 cues (prompts, where the trace is not in a cache)",
    derived=True,
):
    """The answer that the model gives if it must, at R points of its chain of thought.

    A cue ("The answer is [[") is appended to the text so far, an unfinished thought is closed
    before, and the options are read at the next token. The last point is the end of the trace,
    whether it was finished, cut or ended without an answer.
    """

    option_logprobs: FloatArray = column(Kind.FLOAT_LISTS)
    """(n, R, K) as in AnswerTable, at each point."""
    entropies: FloatArray = column(Kind.FLOATS)
    """(n, R) entropy of the full-vocabulary distribution after the cue, nats."""
    points: FloatArray = column(Kind.FLOATS)
    """(n, R) share of the trace's characters before the cue, ascending, in [0, 1]."""
    answers: IntArray = column(Kind.INTS)
    """(n, R) index of the most probable option, the forced answer; -1 is padding."""
    cached: IntArray = column(Kind.INT)
    """(n,) 1 if the cue continues the generated tokens, 0 if the text was encoded anew (its tokens
    may be others where it was cut)."""
