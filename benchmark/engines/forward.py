"""Forward passes of a transformers causal language model, with shared prefixes.

Batches are padded on the left, so that every row ends at the last position: its logits are the
only ones computed, and a further token can be appended to every row at once. What a batch's
prompts have in common is run through the model once.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

logger = logging.getLogger(__name__)

MIN_SHARED = 16
"""Shorter common prefixes are not worth a pass of their own."""


@dataclass
class State:
    """A batch after a forward pass: last logits, cache, and what appending a token needs."""

    logits: torch.Tensor
    """(B, V) float32, at the last position of each row."""
    cache: Any
    mask: torch.Tensor
    """(B, T) 1 for real tokens, 0 for padding."""
    lengths: torch.Tensor
    """(B,) number of real tokens so far."""
    hidden: torch.Tensor | None = None
    """(B, d) what the language-model head read at the last position, where it was asked for."""


class Forward:
    """Runs one model. ``share`` says whether common prefixes are used (``sharing`` if safe)."""

    def __init__(self, model: Any, share: bool = True) -> None:
        self.model = model
        self.device = model.device
        parameters = inspect.signature(model.forward).parameters
        self._keep_last = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self._window = _smallest_window(model.config)
        self.sharing = share
        self._prefix: tuple[tuple[int, ...], Any] | None = None

    def _call(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any
    ) -> Any:
        return self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            **self._keep_last,
        )

    @torch.inference_mode()
    def start(self, rows: Sequence[Sequence[int]], shared: int = 0, hidden: bool = False) -> State:
        """Run prompts (token ids); the first ``shared`` tokens must be the same in all rows."""
        if shared < MIN_SHARED or not self._may_share(max(map(len, rows))):
            shared = 0
        width = max(len(row) for row in rows) - shared
        ids = torch.zeros((len(rows), width), dtype=torch.long)
        mask = torch.zeros((len(rows), shared + width), dtype=torch.long)
        mask[:, :shared] = 1
        for index, row in enumerate(rows):
            rest = torch.as_tensor(row[shared:], dtype=torch.long)
            ids[index, width - len(rest) :] = rest
            mask[index, shared + width - len(rest) :] = 1
        cache = self._prefix_cache(tuple(rows[0][:shared]), len(rows)) if shared else None
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, shared:]
        ids, mask, positions = (t.to(self.device) for t in (ids, mask, positions))
        with self._head_input(hidden) as seen:
            output = self._call(ids, mask, positions, cache)
        return State(
            output.logits[:, -1].float(),
            output.past_key_values,
            mask,
            mask.sum(dim=1),
            seen[0][:, -1] if seen else None,
        )

    @contextlib.contextmanager
    def _head_input(self, wanted: bool) -> Iterator[list[torch.Tensor]]:
        """Collects what the language-model head reads: the last layer, at the last position."""
        seen: list[torch.Tensor] = []
        if not wanted:
            yield seen
            return
        head = self.model.get_output_embeddings()
        hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            yield seen
        finally:
            hook.remove()

    @torch.inference_mode()
    def append(self, state: State, tokens: torch.Tensor) -> State:
        """Append ``tokens`` (B, L) to every row. Consumes the state's cache."""
        count = tokens.shape[1]
        mask = torch.cat([state.mask, state.mask.new_ones((len(tokens), count))], dim=1)
        positions = state.lengths[:, None] + torch.arange(count, device=self.device)
        output = self._call(tokens, mask, positions, state.cache)
        return State(
            output.logits[:, -1].float(), output.past_key_values, mask, state.lengths + count
        )

    def select(self, state: State, rows: torch.Tensor) -> State:
        """The state with these rows only, on a cache of its own."""
        cache = copy.deepcopy(state.cache)
        cache.batch_select_indices(rows)
        return State(state.logits[rows], cache, state.mask[rows], state.lengths[rows])

    def repeat(self, state: State, counts: Sequence[int]) -> State:
        """Each row ``counts`` times in a row. Consumes the state."""
        rows = torch.repeat_interleave(torch.tensor(counts, device=self.device))
        return self.narrow(state, rows)

    def narrow(self, state: State, rows: torch.Tensor) -> State:
        """As ``select``, but the state's own cache is cut: the old state is gone."""
        state.cache.batch_select_indices(rows)
        return State(state.logits[rows], state.cache, state.mask[rows], state.lengths[rows])

    def _may_share(self, longest: int) -> bool:
        # Padding between a shared prefix and the rest would count towards a sliding window.
        return self.sharing and (self._window is None or longest < self._window)

    def _prefix_cache(self, prefix: tuple[int, ...], count: int) -> Any:
        if self._prefix is None or self._prefix[0] != prefix:
            ids = torch.tensor([prefix], device=self.device)
            positions = torch.arange(len(prefix), device=self.device)[None]
            output = self._call(ids, torch.ones_like(ids), positions, None)
            self._prefix = (prefix, output.past_key_values)
        cache = copy.deepcopy(self._prefix[1])
        cache.batch_repeat_interleave(count)
        return cache

    def check_sharing(self, vocabulary_size: int) -> None:
        """Turn sharing off, and say so once, where the model gives other numbers with it."""
        if not self.sharing:
            return
        generator = torch.Generator().manual_seed(0)
        row = torch.randint(0, vocabulary_size, (MIN_SHARED + 9,), generator=generator).tolist()
        rows = [row, row[: MIN_SHARED + 4]]
        try:
            plain = self.start(rows).logits
            shared = self.start(rows, MIN_SHARED).logits
            tolerance = 1e-3 if plain.dtype == self.model.dtype else 0.5
            same = torch.allclose(plain, shared, atol=tolerance, rtol=tolerance)
            reason = "other numbers with a shared prefix"
        except Exception as error:
            same, reason = False, f"{type(error).__name__}: {error}"
        self._prefix = None
        if not same:
            self.sharing = False
            logger.warning(
                "prefixes are not shared with this model (%s): slower, same results", reason
            )


def _smallest_window(config: Any) -> int | None:
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    windows = [
        value
        for name in ("sliding_window", "attention_chunk_size")
        if isinstance(value := getattr(text, name, None), int) and value > 0
    ]
    return min(windows, default=None)


def common_prefix(rows: Sequence[Sequence[int]]) -> int:
    """Number of leading tokens that all rows share, at most one less than the shortest row."""
    first, last = min(map(list, rows)), max(map(list, rows))
    limit = min(len(row) for row in rows) - 1
    for index in range(limit):
        if first[index] != last[index]:
            return index
    return max(limit, 0)


def batches(lengths: Sequence[int], budget: int, most: int) -> list[list[int]]:
    """Indices of prompts in batches: sorted by length, at most ``budget`` padded tokens each.

    Longest first, so that what cannot fit fails at once. Every batch has at least one prompt.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    result: list[list[int]] = []
    for index in order:
        current = result[-1] if result else None
        if (
            current is None
            or len(current) >= most
            or lengths[current[0]] * (len(current) + 1) > budget
        ):
            result.append([index])
        else:
            current.append(index)
    return result
