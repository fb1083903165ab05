"""How a tokenizer encodes an option's label.

A label such as "A" can follow a prompt as the token "A" or " A"; both mean the same answer. A
label such as "10" may need two tokens, the first of which is also the label "1".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SPACE_MARKS = ("Ġ", "▁", " ")
"""How byte-level, SentencePiece and plain vocabularies encode a leading space."""
_TAIL = 32

Path = tuple[int, ...]


@dataclass(frozen=True)
class LabelTokens:
    """Token paths of one label. ``requested`` is the exact continuation, one of ``variants``."""

    requested: Path
    variants: tuple[Path, ...]


class LabelReader:
    """Finds the token paths of labels for one tokenizer.

    ``encode`` maps a whole prompt to ids as the model will see them; ``vocabulary`` maps a
    token's text to its id. Paths depend on the end of the prompt alone, and are cached per
    distinct ending.
    """

    def __init__(self, encode: Callable[[str], list[int]], vocabulary: Mapping[str, int]) -> None:
        self._encode = encode
        self._vocabulary = vocabulary
        self._known: dict[tuple[str, str], LabelTokens] = {}

    def read(
        self, context: str, context_ids: Sequence[int], continuations: tuple[str, ...]
    ) -> tuple[LabelTokens, ...]:
        """Return each continuation's paths after ``context``, whose ids are ``context_ids``."""
        tail = _last_word(context)
        for continuation in continuations:
            if (tail, continuation) not in self._known:
                self._known[tail, continuation] = self._label(context, context_ids, continuation)
        return tuple(self._known[tail, continuation] for continuation in continuations)

    def exact(
        self, context: str, context_ids: Sequence[int], continuations: tuple[str, ...]
    ) -> tuple[LabelTokens, ...]:
        """Return each continuation's only path, for whole texts, which have no variants."""
        paths = [self._requested(context, context_ids, text) for text in continuations]
        return tuple(LabelTokens(path, (path,)) for path in paths)

    def _requested(self, context: str, context_ids: Sequence[int], continuation: str) -> Path:
        requested = tuple(self._encode(context + continuation)[len(context_ids) :])
        # A continuation that merged with the prompt's last token is encoded on its own.
        return requested or tuple(self._alone(continuation))

    def _label(self, context: str, context_ids: Sequence[int], continuation: str) -> LabelTokens:
        requested = self._requested(context, context_ids, continuation)
        variants = dict.fromkeys([requested])
        bare = continuation.strip()
        for token in self.single_tokens(bare):
            variants[(token,)] = None
        spaced = continuation[:1].isspace()
        other = bare if spaced else " " + bare
        ids = self._encode(context + other)
        if list(ids[: len(context_ids)]) == list(context_ids):
            variants[tuple(ids[len(context_ids) :])] = None
        return LabelTokens(requested, _disjoint([path for path in variants if path]))

    def _alone(self, continuation: str) -> list[int]:
        """Encode a continuation after a prompt that it cannot merge with."""
        line = self._encode("x\n")
        whole = self._encode("x\n" + continuation)
        return whole[len(line) :] if whole[: len(line)] == line else whole

    def single_tokens(self, label: str) -> list[int]:
        """Return the ids of tokens that spell the label, with or without a leading space."""
        texts = [label, *(mark + label for mark in SPACE_MARKS)]
        return list(dict.fromkeys(self._vocabulary[t] for t in texts if t in self._vocabulary))


def _last_word(context: str) -> str:
    """Return the end of a prompt, which determines how a following label is tokenized."""
    tail = context[-_TAIL:]
    return re.split(r"(?<=\s)(?=\S+\s*$)", tail)[-1]


def _disjoint(paths: list[Path]) -> tuple[Path, ...]:
    """Drop the paths that extend another one, whose mass includes theirs."""
    return tuple(
        path
        for path in paths
        if not any(path != other and path[: len(other)] == other for other in paths)
    )
