"""What was understood of recorded answers, in lines to show before anything is written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

from .outcomes import unread
from .recorded import ImportedQuestion, Recording
from .score_columns import roc_auc

MOST_TOPICS = 20
EXAMPLES = 3


def understanding(recording: Recording, task: str) -> Iterator[str]:
    """Yield lines: rows, accuracy, unread answers with examples, topics, scores."""
    known = [question for question in recording.questions if question.correct is not None]
    left_out = len(recording.questions) - len(known)
    files = recording.files
    yield f"task {task}, from {files[0]}" + (f" and {len(files) - 1} more" if files[1:] else "")
    yield (
        f"  {len(recording.questions):,} rows, {left_out:,} left out (nothing says what is right); "
        f"accuracy {_accuracy(known)}"
    )
    missed = unread(recording)
    yield f"  {len(missed):,} answers cannot be read"
    for question in missed[:EXAMPLES]:
        said = "empty" if question.said is None else repr(question.said[:80])
        yield f"    {question.place or question.question_id}: {said}"
    counts = Counter(question.topic for question in known)
    for topic, count in counts.most_common(MOST_TOPICS):
        accuracy = _accuracy([question for question in known if question.topic == topic])
        yield f"  topic {topic}: {count:,}, accuracy {accuracy}"
    if len(counts) > MOST_TOPICS:
        yield f"  … {len(counts) - MOST_TOPICS:,} more topics"
    options = Counter(_option_count(question) for question in known)
    shown = ", ".join(f"{count or 'unknown'}: {n:,}" for count, n in sorted(options.items()))
    yield f"  options per question: {shown}"
    golds = Counter("ABCDEFGHIJKLMNOPQRSTUVWXY"[q.gold] for q in known if q.gold is not None)
    if golds:
        yield "  right options: " + ", ".join(f"{k} {golds[k]:,}" for k in sorted(golds))
    distributions = sum(question.option_logprobs is not None for question in known)
    yield f"  {distributions:,} have probabilities of their options"
    yield from _scores(recording, known)


def _scores(recording: Recording, known: list[ImportedQuestion]) -> Iterator[str]:
    wrong = np.array([not question.correct for question in known], dtype=bool)
    for name in sorted({name for question in known for name in question.scores}):
        values = np.array([question.scores.get(name, math.nan) for question in known])
        there = values[~np.isnan(values)]
        how = "1 - confidence" if name in recording.confidences else "higher = more uncertain"
        auc, _ = roc_auc(wrong, values)
        extent = f"{there.min():g} to {there.max():g}" if len(there) else "no values"
        yield (
            f"  score {name} ({how}): {len(there):,} values, {extent}, ROC AUC of errors "
            + ("unknown" if math.isnan(auc) else f"{auc:.3f}")
        )


def _option_count(question: ImportedQuestion) -> int:
    listed = question.options if question.options is not None else question.option_logprobs
    return 0 if listed is None else len(listed)


def _accuracy(questions: list[ImportedQuestion]) -> str:
    if not questions:
        return "unknown"
    return f"{sum(bool(q.correct) for q in questions) / len(questions):.4f}"
