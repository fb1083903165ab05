"""Probes whose replies fail here and there: each failed reply costs its own question, no other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from ...engines.shared.engine import ChoicePrompt, Failed, Sampling

ItemT = TypeVar("ItemT")
RecordT = TypeVar("RecordT")


class ReplyFailed(Exception):
    """An engine gave a ``Failed`` in the place of a reply; the message is its reason."""


class KeptReplies:
    """An engine that raises ReplyFailed where a reply failed, and keeps all replies until
    ``forget``: asked the same again, it gives what it has without asking the model."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._kept: dict[Hashable, list[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def forget(self) -> None:
        """Ask the model again from here on."""
        self._kept.clear()

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        hidden_state: bool = False,
    ) -> list[Any]:
        """As the engine's. Raises ReplyFailed."""

        def ask() -> list[list[Any]]:
            answers = self._engine.score(prompts, sampling=sampling, hidden_state=hidden_state)
            return [[answer] for answer in answers]

        return self._replies([("score", hidden_state)] * len(prompts), prompts, sampling, ask)

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
    ) -> list[Any]:
        """As the engine's. Raises ReplyFailed."""
        kinds = [("generate", max_new_tokens, tuple(until))] * len(prompts)

        def ask() -> list[list[Any]]:
            written = iter(self._engine.generate(prompts, max_new_tokens, until, sampling))
            counts = [1] * len(prompts) if sampling is None else map(len, sampling.seeds)
            return [[next(written) for _ in range(count)] for count in counts]

        return self._replies(kinds, prompts, sampling, ask)

    def _replies(
        self,
        kinds: Sequence[Hashable],
        prompts: Sequence[Hashable],
        sampling: Sampling | None,
        ask: Callable[[], list[list[Any]]],
    ) -> list[Any]:
        drawn: list[Hashable] = [None] * len(prompts)
        if sampling is not None:
            drawn = [(sampling.temperature, tuple(seeds)) for seeds in sampling.seeds]
        keys = list(zip(kinds, prompts, drawn, strict=True))
        if not all(key in self._kept for key in keys):
            self._kept.update(zip(keys, ask(), strict=True))
        replies = [reply for key in keys for reply in self._kept[key]]
        for reply in replies:
            if isinstance(reply, Failed):
                raise ReplyFailed(reply.reason)
        return replies


def ask_each(
    engine: KeptReplies, items: Sequence[ItemT], ask: Callable[[list[ItemT]], list[RecordT]]
) -> tuple[list[tuple[ItemT, RecordT]], list[tuple[ItemT, str]]]:
    """Items with the records that ``ask`` makes of them, and the others with why there is none.

    All are asked at once; only where a reply failed is each looked at by itself, with the replies
    that are there already.
    """
    engine.forget()
    try:
        return list(zip(items, ask(list(items)), strict=True)), []
    except ReplyFailed:
        pass
    got: list[tuple[ItemT, RecordT]] = []
    failed: list[tuple[ItemT, str]] = []
    for item in items:
        try:
            (record,) = ask([item])
        except ReplyFailed as error:
            failed.append((item, str(error)))
        else:
            got.append((item, record))
    return got, failed
