"""One sample that lm-eval logged, of any age, as a recorded answer.

lm-eval logs numbers and booleans as text in some fields; each is parsed as its own type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...estimators.signals.batch import Signal, Status
from ...tasks.files.cells import as_list, is_missing, number
from ...tasks.files.identifiers import id_text
from ...tasks.reading.answer_columns import MOST, index_of
from ...tasks.reading.label_spelling import option_named, spelling_of
from ..console.errors import ApprehendError
from ..recordings.outcomes import truth
from ..recordings.recorded import ImportedQuestion

METRICS = ("acc", "exact_match", "acc_norm", "em", "acc_mutual_info")
"""Metrics that tell right from wrong, the first of which a sample has is taken."""
_IDS = ("question_id", "id", "qid", "uuid", "Record ID", "question_index")
_TOPICS = ("category", "subject", "topic", "Subdomain", "discipline", "subject_name")
_OPTIONS = ("options", "choices", "endings")
LONGEST_TARGET = 40
"""Most characters of a target that names an option: longer ones are worked solutions."""
_INVALID = re.compile(r"\[?invalid\]?|\[?no[ _]?match\]?", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """One sample.

    Attributes:
        signal: ``answer`` where options were scored, ``trace`` where text was generated.
        question: The recorded answer; its id is that of the document, if it has one.
        own_id: Whether its id is the document's own, and no position.
        filter: The filter of the answer; empty in older files.
        position: The number of its document.
    """

    signal: Signal
    question: ImportedQuestion
    own_id: bool
    filter: str
    position: str


def read_sample(
    place: str, sample: Mapping[str, Any], task: str, metric: str | None, topic: str | None
) -> Sample:
    """Read a sample.

    Args:
        place: File and line, for messages.
        sample: The logged object.
        task: The task's name; the topic where the document has none.
        metric: The metric that tells right from wrong; the first known by default.
        topic: The document's field with the topic; a usual one by default.

    Raises ApprehendError, with the place, for content that lm-eval would not log.
    """
    if "logit_0" in sample and "doc" not in sample:
        sample = _from_write_out(sample)
    for name in ("doc", "target", "resps", "filtered_resps"):
        if name not in sample:
            raise ApprehendError(f"{place}: no {name!r}; expected a line logged by lm-eval")
    doc = sample["doc"] if isinstance(sample["doc"], dict) else {}
    correct = _correct(place, sample, metric)
    key = next((name for name in _IDS if id_text(doc.get(name)) is not None), None)
    identity = id_text(doc[key] if key is not None else sample.get("doc_id"))
    if identity is None:
        raise ApprehendError(f"{place}: expected a text or number as the question's id")
    options = _options(doc)
    question = ImportedQuestion(
        question_id=identity,
        topic=_topic(place, doc, topic) or task,
        answer=None,
        correct=correct,
        question=_question(doc),
        options=options,
        place=place.rpartition(", ")[2],
    )
    pairs = _pairs(sample["filtered_resps"])
    if pairs is not None:
        _set_scored(question, sample, pairs, metric)
        signal = Signal.ANSWER
    else:
        _set_generated(question, sample, correct)
        signal = Signal.TRACE
    position = id_text(sample.get("doc_id")) or identity
    return Sample(signal, question, key is not None, str(sample.get("filter") or ""), position)


def _from_write_out(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of version 0.3's ``--write_out`` as later versions log it."""
    replies: list[object] = []
    while (reply := row.get(f"logit_{len(replies)}")) is not None:
        replies.append(reply)
    values = [number(reply) for reply in replies]
    scored = len(values) > 1 and all(value is not None for value in values)
    pairs: list[Any] = [[value, False] for value in values] if scored else [str(replies[0])]
    target = row.get("truth", row.get("gold"))
    return {"doc": {}, "target": target, "resps": pairs, "filtered_resps": pairs, **row}


def _topic(place: str, doc: Mapping[str, Any], field: str | None) -> str | None:
    if field is not None:
        value = id_text(doc.get(field))
        if value is None:
            raise ApprehendError(f"{place}: --topic: the document has no {field!r}")
        return value
    return next((text for name in _TOPICS if (text := id_text(doc.get(name)))), None)


def _question(doc: Mapping[str, Any]) -> str | None:
    for name in ("question", "query", "Question", "question_stem", "input", "problem"):
        value = doc.get(name)
        value = value.get("stem") if isinstance(value, Mapping) else value
        if isinstance(value, str) and value:
            return value
    return None


def _options(doc: Mapping[str, Any]) -> list[str] | None:
    for name in _OPTIONS:
        value = doc.get(name)
        if isinstance(value, Mapping) and "text" in value:
            value = value["text"]
        texts = as_list(value)
        if texts and all(isinstance(text, Mapping) and "text" in text for text in texts):
            texts = [text["text"] for text in texts]
        if texts and 1 < len(texts) <= MOST:
            return [str(text) for text in texts]
    return None


def _set_scored(
    question: ImportedQuestion, sample: Mapping[str, Any], pairs: list[float], metric: str | None
) -> None:
    """Set the answer of a sample whose options were scored: the option of the highest value."""
    options = question.options
    if "acc_mutual_info" in sample and len(pairs) % 2 == 0:
        pairs = pairs[: len(pairs) // 2]  # the other half is without the question
    if options is not None and len(options) > len(pairs):
        question.options = options = None
    count = len(options) if options is not None else len(pairs)
    question.option_logprobs = pairs[:count]
    shown = np.array(pairs)
    if (metric or "") == "acc_norm" or not {"acc", "exact_match"} & sample.keys():
        lengths = [len(text) or 1 for text in options or ()]
        shown = shown / np.array(lengths) if len(lengths) == len(pairs) else shown
    best = int(np.argmax(shown))
    question.answer = best if best < count else None
    question.gold = _gold_index(sample["target"], options, count)


def _gold_index(target: object, options: Sequence[str] | None, count: int) -> int | None:
    """Return the right option of a scored sample: its index from 0, its letter or its text."""
    spelled = spelling_of(target)
    if spelled is None:
        return None
    if spelled.number is not None and (options is None or str(target).strip() not in options):
        return spelled.number if 0 <= spelled.number < count else None
    if spelled.letter is not None and not spelled.text:
        return spelled.letter if spelled.letter < count else None
    return option_named(str(target), options or ())


def _set_generated(
    question: ImportedQuestion, sample: Mapping[str, Any], correct: bool | None
) -> None:
    reply = sample["filtered_resps"]
    while isinstance(reply, list) and reply:
        reply = reply[0]
    text = sample["resps"]
    while isinstance(text, list) and text:
        text = text[0]
    question.trace = text if isinstance(text, str) else None
    options = question.options or ()
    said = str(reply).strip()
    invalid = is_missing(said) or _INVALID.fullmatch(said) is not None
    if options or len(str(sample["target"])) <= LONGEST_TARGET:
        question.gold = index_of(sample["target"], len(options) or MOST, options)
    if question.gold is None and options and isinstance(sample["doc"], Mapping):
        question.gold = index_of(sample["doc"].get("answer"), len(options), options)
    question.said = said or None
    if not invalid:
        question.answer = index_of(said, len(options) or MOST, options)
    if question.gold is None and not options and not invalid:
        question.answer = None  # a free answer, such as a number
        question.status = Status.PARSED
    if correct and question.answer is None:
        question.answer = question.gold


def _correct(place: str, sample: Mapping[str, Any], metric: str | None) -> bool:
    names = METRICS if metric is None else (metric,)
    for name in names:
        if name in sample:
            value = number(sample[name])
            if value is None and (outcome := truth(sample[name])) is not None:
                return outcome  # True and False, as version 0.3 wrote them
            if value in (0.0, 1.0):
                return bool(value)
            if value is not None and 0 < value < 1:
                others = [m for m in METRICS if m in sample and number(sample[m]) in (0.0, 1.0)]
                raise ApprehendError(
                    f"{place}: {name} is the share {value:g}, not 0 or 1, and cannot tell right "
                    "from wrong" + (f"; give --metric {others[0]}" if others else "")
                )
            raise ApprehendError(f"{place}: {name} is {sample[name]!r}, not a number")
    raise ApprehendError(
        f"{place}: neither {' nor '.join(names)}; cannot tell right from wrong (--metric names "
        "another metric)"
    )


def _pairs(replies: Any) -> list[float] | None:
    """Return the options' log-likelihoods from lm-eval's (log-likelihood, is greedy) pairs."""
    if not isinstance(replies, list) or len(replies) < 2:
        return None
    values = []
    for reply in replies:
        pair = reply
        while isinstance(pair, list) and len(pair) == 1:
            pair = pair[0]
        if not isinstance(pair, list) or len(pair) != 2:
            return None
        value = number(pair[0])
        if value is None or np.isnan(value):
            return None
        values.append(value)
    return values
