"""Forced answers of chains of thought: what the engine is asked for, and the stored row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from ....tasks.answer_forcing import answer_cue, cut_points
from ...engines.shared.engine import Failed, ForcedAnswer, Forcing, Generation
from ...store.derivation import DERIVED_FROM, mark
from ...store.stored_rows import Record, Row


def forcing_of(prompt: str, labels: Sequence[str], think_end: str = "") -> Forcing:
    """Return how to force the answer of a text that continues the prompt.

    ``think_end`` is the mark that ends its thought, where the user names one.
    """
    cue = partial(answer_cue, prompt=prompt, end=think_end)
    return Forcing(cut_points, cue, tuple(labels))


def forced_record(forced: Sequence[ForcedAnswer], cached: bool) -> Record:
    """Return the columns of the signal for one question, from its forced answers."""
    logprobs = [answer.answer.label_logprobs for answer in forced]
    return {
        "option_logprobs": logprobs,
        "entropies": [answer.answer.entropy for answer in forced],
        "points": [answer.point for answer in forced],
        "answers": [int(np.argmax(row)) for row in logprobs],
        "cached": int(cached),
    }


def forced_rows(
    rows: Sequence[Row], texts: Sequence[tuple[int, Generation | Failed]]
) -> Iterator[Row]:
    """Yield the forced answers of texts, with the marks of their traces' rows."""
    for (question, record), (_, text) in zip(rows, texts, strict=True):
        if isinstance(record, Failed) or isinstance(text, Failed) or not text.forced:
            continue
        own = mark(record["option_logprobs"], record["answer"], record["text"])
        yield question, {**forced_record(text.forced, cached=True), DERIVED_FROM: own}
