"""Forced answers: the cue is appended to a finished text in the cache, and the options are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..shared.engine import ForcedAnswer, Forcing, Generation
from ..shared.labels import LabelReader
from ..shared.places import tokens_before
from .reading import read_answers
from .states import Decoder, Fork

_BEFORE = "x"
"""Stands for the text before a cue, with which the cue does not merge."""


@dataclass(frozen=True)
class Forcer:
    """Reads forced answers. A cue's tokens are those that it has on its own, after a word."""

    encode: Callable[[str], list[int]]
    decode: Callable[[list[int]], str]
    labels: LabelReader

    def force(
        self,
        decoder: Decoder,
        rows: Sequence[int],
        ids: Sequence[list[int]],
        written: Sequence[Generation],
        forcings: Sequence[Forcing],
    ) -> list[Generation]:
        """Return the texts with their forced answers, read in one pass.

        Args:
            decoder: Holds the keys and values of the texts.
            rows: The texts' rows in it.
            ids: The texts' tokens.
            written: The texts.
            forcings: How to force each one's answer.
        """
        forks, points = [], []
        for own, generation, forcing in zip(ids, written, forcings, strict=True):
            counts = [tokens_before(self.decode, own, at) for at in forcing.cut(generation.text)]
            before = [self.decode(own[:count])[: len(generation.text)] for count in counts]
            forks.append(
                [
                    Fork(own[:count], self.tokens(forcing.cue(text)))
                    for count, text in zip(counts, before, strict=True)
                ]
            )
            points.append([len(text) / max(1, len(generation.text)) for text in before])
        state = decoder.forked(rows, forks)
        labels = [
            self.labels.read(_BEFORE + cue, self.encode(_BEFORE + cue), forcing.continuations)
            for generation, forcing, own in zip(written, forcings, points, strict=True)
            for cue in [forcing.cue(generation.text)] * len(own)
        ]
        chosen = [labels[row] for row in state.rows]
        answers = dict(zip(state.rows, read_answers(state, chosen, after=False), strict=True))
        ordered = iter([answers[row] for row in range(len(answers))])
        return [
            replace(generation, forced=[ForcedAnswer(point, next(ordered)) for point in own])
            for generation, own in zip(written, points, strict=True)
        ]

    def tokens(self, cue: str) -> list[int]:
        """Return the tokens of a cue."""
        line, whole = self.encode(_BEFORE), self.encode(_BEFORE + cue)
        return whole[len(line) :] if whole[: len(line)] == line else whole
