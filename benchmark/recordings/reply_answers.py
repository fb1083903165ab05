"""Recorded answers from replies of a model: a text, and the top tokens at each position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...estimators.signals.batch import Signal
from ...tasks.reading.answer_columns import LABELS, MOST, index_of
from .answer_keys import Key
from .recorded import ImportedQuestion
from .top_tokens import Top, answer_position, read_answer_token

SHORT = 8
"""Most tokens of a reply that is an answer and no chain of thought."""
FEWEST_OPTIONS = 2


@dataclass(frozen=True)
class RecordedReply:
    """One reply.

    Attributes:
        id: Id of its question.
        text: The generated text; None if the request failed.
        tokens: The generated tokens' texts.
        tops: The top tokens at each position.
        place: Where it stands.
    """

    id: str
    text: str | None
    tokens: Sequence[str] = ()
    tops: Sequence[Top] = ()
    place: str = ""


def signal_of(texts: Sequence[str | None]) -> Signal:
    """Return whether generated texts are chains of thought: most of them are longer than short."""
    long = sum(len((text or "").split()) > SHORT for text in texts)
    return Signal.TRACE if 2 * long > len(texts) else Signal.ANSWER


def questions_of(
    replies: Sequence[RecordedReply], keys: Mapping[str, Key], notes: list[str]
) -> tuple[Signal, list[ImportedQuestion]]:
    """Read each reply's answer, and its options' log-probabilities at the answer's token.

    Returns:
        ``answer`` where replies are answers alone, ``trace`` where most are longer texts; and the
        questions that have a key.
    """
    known = [reply for reply in replies if reply.id in keys]
    fallback = _option_count(known, keys)
    questions: list[ImportedQuestion] = []
    unseen = without = 0
    for reply in known:
        key = keys[reply.id]
        count = len(key.options) if key.options is not None else fallback
        answer = None if reply.text is None else index_of(reply.text, count, key.options or ())
        question = ImportedQuestion(
            question_id=reply.id,
            topic=key.topic,
            answer=answer,
            correct=None if key.gold is None else answer == key.gold,
            gold=key.gold,
            question=key.question,
            options=key.options,
            trace=reply.text,
            place=reply.place,
            said=reply.text or None,
        )
        place = None if answer is None else answer_position(reply.tokens, LABELS[answer])
        if place is None and len(reply.tokens) and answer is None:
            place = 0
        token = None
        if place is not None and place < len(reply.tops):
            token = read_answer_token(reply.tops[place], LABELS[:count])
        if token is not None:
            question.option_logprobs = token.option_logprobs
            question.top_logprobs = token.top_logprobs
            question.missing_mass = token.missing_mass
            unseen += token.unseen
        without += token is None
        questions.append(question)
    if unseen:
        notes.append(
            f"{unseen:,} options are not among the top tokens: probability 0, the missing mass is "
            "stored"
        )
    if without < len(questions) and without:
        notes.append(f"{without:,} of {len(questions):,} replies show no option's log-probability")
    return signal_of([reply.text for reply in known]), questions


def _option_count(replies: Sequence[RecordedReply], keys: Mapping[str, Key]) -> int:
    """Return the number of options where no key has them: that of the last letter seen.

    Letters are taken from the right answers and the first tops that hold several letters.
    """
    golds = [key.gold for key in keys.values() if key.gold is not None]
    highest = max(golds, default=1)
    for reply in replies:
        answer = None if reply.text is None else index_of(reply.text, MOST)
        highest = max(highest, answer if answer is not None else 0)
    return max(highest + 1, FEWEST_OPTIONS)
