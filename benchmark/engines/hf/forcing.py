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
            cuts = forcing.cut(generation.text)
            forks.append([self._fork(own, generation.text[:at], forcing) for at in cuts])
            points.append([at / max(1, len(generation.text)) for at in cuts])
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

    def _fork(self, ids: list[int], begun: str, forcing: Forcing) -> Fork:
        """Return the tokens that spell a text's beginning, and those of what is appended.

        A token that the cut divides is spelled anew, with the cue, up to the cut.
        """
        cue = forcing.cue(begun)
        count = tokens_before(self.decode, ids, len(begun))
        if count and len(self.decode(ids[:count])) > len(begun):
            part = begun[len(self.decode(ids[: count - 1])) :]
            return Fork(ids[: count - 1], self.tokens(part + cue))
        return Fork(ids[:count], self.tokens(cue))

    def tokens(self, cue: str) -> list[int]:
        """Return the tokens of a cue."""
        line, whole = self.encode(_BEFORE), self.encode(_BEFORE + cue)
        return whole[len(line) :] if whole[: len(line)] == line else whole
