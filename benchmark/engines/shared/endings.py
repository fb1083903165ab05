"""Where a generated text ends: its stop texts act on the answer alone, never inside a thought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....tasks.reading.reasoning import answer_start, thought_over

PROMPT_END = 64
"""Characters of a prompt's end that tell whether its chat template has opened a thought."""


@dataclass(frozen=True)
class Ending:
    """What decides where one generated text ends."""

    until: tuple[str, ...] = ()
    """Stop texts."""
    prompt: str = ""
    """The end of the prompt."""
    think_end: str = ""
    """The mark that ends a thought, where the user names one (``think_end_token``)."""

    def start(self, text: str, finished: bool) -> int | None:
        """Return where the answer part begins; None for a text that ends within its reasoning."""
        return answer_start(text, self.prompt, self.think_end, finished)

    def stops(self, text: str) -> bool:
        """Return whether a stop text stands in the answer part of a text under way."""
        return self.cut(text, False) is not None

    def cut(self, text: str, finished: bool) -> int | None:
        """Return where the first stop text of the answer part stands; None for none.

        Where the prompt has closed the thought, one that the text begins behind a stop text does
        not count: an engine that stops at once never writes it.
        """
        if not any(stop in text for stop in self.until):
            return None
        if thought_over(self.prompt):
            first = self._first(text, 0)
            if first is not None and self.start(text[:first], False) is not None:
                return first
        start = self.start(text, finished)
        return None if start is None else self._first(text, start)

    def _first(self, text: str, start: int) -> int | None:
        return min((at for s in self.until if (at := text.find(s, start)) >= 0), default=None)


def endings(prompts: Sequence[str], until: Sequence[str], think_end: str = "") -> list[Ending]:
    """Return what ends the texts after these prompts."""
    stops = tuple(stop for stop in until if stop)
    return [Ending(stops, prompt[-PROMPT_END:], think_end) for prompt in prompts]
