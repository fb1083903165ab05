"""Decode tokens into text without special tokens, except those that delimit a model's thoughts.

Some tokenizers hold ``[THINK]`` or ``<|channel|>`` as special tokens: a text without them would
not tell where its reasoning ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ....tasks.reading.reasoning import CHANNEL, HARMONY, TAGS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Spelling:
    """Decodes the ids of one tokenizer; ``marks`` are the special tokens that stay."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, think_end: str = "") -> None:
        self._tokenizer = tokenizer
        wanted = {mark for pair in TAGS for mark in pair} | {think_end}
        special = _special(tokenizer)
        if CHANNEL in special.values():
            wanted |= set(HARMONY)
        # "<|channel>thought" is the mark <|channel> and an ordinary word behind it.
        self.marks = {
            token: text
            for token, text in special.items()
            if text and (text in wanted or any(mark.startswith(text) for mark in wanted))
        }

    def __call__(self, ids: Sequence[int]) -> str:
        """Return the text of the tokens."""
        if self.marks.keys().isdisjoint(ids):
            return self._plain(ids)
        pieces, begin = [], 0
        for at, token in enumerate(ids):
            if token in self.marks:
                pieces += [self._plain(ids[begin:at]), self.marks[token]]
                begin = at + 1
        return "".join([*pieces, self._plain(ids[begin:])])

    def _plain(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))


def _special(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """Return the special tokens: id → text."""
    added: Mapping[int, object] = tokenizer.added_tokens_decoder
    found = {int(i): str(token) for i, token in added.items() if getattr(token, "special", False)}
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=False)
    return {**found, **{int(i): str(text) for i, text in named}}
