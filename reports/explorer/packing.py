"""The explorer's data: a light index of every model and task, and details in larger pieces."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..frames.inputs import STATUSES
from .chunks import Chunks
from .records import AnswerRecord, Detail, Explored, QuestionText, TraceRecord

PIECE = 200_000
"""Size of a piece of details from which on the next one begins, in bytes before compression."""

Json = str | int | float | None | Sequence["Json"] | Mapping[str, "Json"]
"""What goes into the page's data."""


def pack(explored: Explored, chunks: Chunks, most: int) -> dict[str, Json]:
    """Add the data of one model on one task, and return its entry of the index.

    Args:
        explored: The model on the task.
        chunks: Takes the data.
        most: Most bytes of details; once they are reached, later questions have none.
    """
    topics, codes = _coded(explored.topics)
    strata: list[Json] = []
    for name, values in explored.strata.items():
        names, numbers = _coded(values)
        strata.append({"name": name, "values": names, "codes": _array(chunks, numbers, np.int16)})
    scores = np.array([explored.scores[name] for name in explored.scores], dtype=np.float64)
    statuses: list[Json] = list(STATUSES)
    known = [STATUSES.index(status) if status in STATUSES else -1 for status in explored.status]
    texts, _ = _pieces(map(_text, explored.texts()), chunks, None)
    details, detailed = _pieces(map(_detail, explored.details()), chunks, most)
    prompted: list[Json] = [
        {"name": name, "answer": _array(chunks, answers, np.int8)}
        for name, answers in explored.prompted.items()
    ]
    entry: dict[str, Json] = {
        **{"model": explored.model, "task": explored.task, "n": len(explored.question_ids)},
        **{"labels": list(explored.labels), "notes": list(explored.notes)},
        **{"ids": _json(chunks, list(explored.question_ids))},
        **{"beginnings": _json(chunks, list(explored.beginnings))},
        **{"topics": {"names": topics, "codes": _array(chunks, codes, np.int16)}},
        **{"gold": _array(chunks, explored.gold, np.int8)},
        **{"answer": _array(chunks, explored.answer, np.int8)},
        **{"correct": _array(chunks, explored.correct, np.int8)},
        **{"status": {"names": statuses, "codes": _array(chunks, known, np.int8)}},
        **{"strata": strata, "prompted": prompted, "estimators": list(explored.scores)},
        **{"scores": _array(chunks, scores, np.float32)},
        **{"texts": texts, "details": details, "detailed": detailed},
    }
    return entry


def _coded(values: Sequence[str | None]) -> tuple[list[Json], list[int]]:
    """Return the distinct values, sorted, and the place of each among them; -1 for None."""
    names = sorted({value for value in values if value is not None})
    places = {name: place for place, name in enumerate(names)}
    return [*names], [-1 if value is None else places[value] for value in values]


def _array(chunks: Chunks, values: ArrayLike, kind: DTypeLike) -> str:
    """Keep numbers as the bytes of a little-endian array."""
    numbers: NDArray[np.float64] = np.asarray(values)
    with np.errstate(over="ignore"):  # beyond single precision: infinite
        return chunks.add(numbers.astype(np.dtype(kind).newbyteorder("<")).tobytes())


def _json(chunks: Chunks, value: Json) -> str:
    return chunks.add(_dumped(value))


def _dumped(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _pieces(rows: Iterable[Json], chunks: Chunks, most: int | None) -> tuple[list[Json], int]:
    """Keep rows in pieces of about `PIECE` bytes.

    Returns:
        First row and name of each piece; and the number of rows kept before ``most`` bytes were
        reached.
    """
    pieces: list[Json] = []
    waiting: list[bytes] = []
    size = total = kept = 0

    def keep() -> int:
        name = chunks.add(b"[" + b",".join(waiting) + b"]")
        pieces.append([kept, name])
        return chunks.size_of(name)

    for row in rows:
        if most is not None and total >= most:
            return pieces, kept
        dumped = _dumped(row)
        waiting.append(dumped)
        size += len(dumped)
        if size >= PIECE:
            total += keep()
            kept, size = kept + len(waiting), 0
            waiting.clear()
    if waiting:
        keep()
    return pieces, kept + len(waiting)


def _number(value: float, digits: int = 4) -> Json:
    """Return a number with so many digits; None for NaN and infinities."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _numbers(values: Iterable[float]) -> list[Json]:
    return [_number(value) for value in values]


def _text(text: QuestionText) -> Json:
    return [text.question, list(text.options)]


def _detail(detail: Detail) -> Json:
    """Return the details of a question; what is empty is left out."""
    entry: dict[str, Json] = {
        "probabilities": _numbers(detail.probabilities),
        "rule": detail.rule,
        "reasons": dict(detail.reasons),
        "trace": None if detail.trace is None else _trace(detail.trace),
        "samples": [
            {
                "variant": sample.variant,
                "answers": list(sample.answers),
                "texts": list(sample.texts),
                "temperature": _number(sample.temperature),
            }
            for sample in detail.samples
        ],
        "orders": list(map(_answer, detail.orders)),
        "prompted": list(map(_answer, detail.prompted)),
        "statements": [
            {"variant": s.variant, "value": _number(s.value), "text": s.text, "reason": s.reason}
            for s in detail.statements
        ],
        "judgements": [
            {
                "questionnaire": j.questionnaire,
                "judge": j.judge,
                "value": _number(j.value),
                "labels": list(j.labels),
                "rating": _number(j.rating),
                "text": j.text,
                "ratingText": j.rating_text,
                "reason": j.reason,
            }
            for j in detail.judgements
        ],
    }
    return {name: value for name, value in entry.items() if value not in (None, [], {})}


def _answer(answer: AnswerRecord) -> Json:
    return [answer.name, answer.answer, _numbers(answer.probabilities)]


def _trace(trace: TraceRecord) -> Json:
    """Return a text with its tokens: their lengths, and their values in hundredths of a nat."""
    place = utf16_offsets(trace.text)
    ends = [place[end] for end in trace.token_ends]
    begins = [0, *ends][:-1]
    span = trace.answer_span
    hundredths = [round(100 * v) if math.isfinite(v) else None for v in trace.token_values]
    return {
        "text": trace.text,
        "reasoning": trace.reasoning,
        "lengths": [end - begin for begin, end in zip(begins, ends, strict=True)],
        "values": hundredths,
        "quantity": trace.quantity,
        "answerToken": trace.answer_token,
        "answerSpan": None if span is None else [place[span[0]], place[span[1]]],
        "facts": list(trace.facts),
    }


def utf16_offsets(text: str) -> Sequence[int]:
    """Return for each offset in a text the same place as JavaScript counts it, in UTF-16 units."""
    if text.isascii():
        return range(len(text) + 1)
    units = np.frombuffer(text.encode("utf-32-le", "replace"), dtype="<u4") > 0xFFFF
    return [0, *(np.arange(1, len(text) + 1) + np.cumsum(units)).tolist()]
