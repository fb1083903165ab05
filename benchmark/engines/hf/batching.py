"""Run prompts through a model in batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import torch

from ...console.errors import ApprehendError
from .forward import Forward
from .memory import SMALLEST_PASS, is_out_of_memory
from .states import Sizes, State

ResultT = TypeVar("ResultT")
Work = Callable[[Iterator[State], Sizes], Iterator[tuple[int, ResultT]]]
"""States and the sizes of their batches → each prompt's index and result."""


class Batches:
    """The batch sizes of one model, which become smaller when memory does not suffice."""

    def __init__(self, name: str, forward: Forward, rows: int | None) -> None:
        """Take the model's name, its forward passes, and ``--batch_size`` (None for auto)."""
        self._name = name
        self._forward = forward
        self._rows = rows
        self.halved = 0
        """How many times memory has run out."""

    def each(
        self, ids: list[list[int]], work: Work[ResultT], sizes: Sizes, parts: int = 1
    ) -> list[ResultT]:
        """Run the prompts in batches, and let ``work`` yield each prompt's result by its index.

        Batches are halved if memory does not suffice; finished prompts are kept. A batch is
        prefilled in so many ``parts``.
        """
        results: dict[int, ResultT] = {}
        while len(results) < len(ids):
            missing = [row for row in range(len(ids)) if row not in results]
            limited = self.limited(sizes)
            part = replace(limited, rows=max(1, limited.rows // parts))
            try:
                with torch.inference_mode(), self._forward.running():
                    states = self._numbered(missing, [ids[row] for row in missing], part)
                    results.update(work(states, limited))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if limited.tokens <= SMALLEST_PASS and limited.rows == 1:
                    raise ApprehendError(
                        f"{self._name}: out of memory on a single prompt; use a smaller dtype or "
                        "device"
                    ) from None
                self.halved += 1
                if self._forward.static is not None:
                    self._forward.static.forget()
                if self._forward.device.type == "cuda":
                    torch.cuda.empty_cache()
        return [results[row] for row in range(len(ids))]

    def _numbered(
        self, numbers: Sequence[int], ids: list[list[int]], sizes: Sizes
    ) -> Iterator[State]:
        """Yield the states of prompts, with these numbers as their rows."""
        for state in self._forward.run(ids, sizes):
            state.rows = [numbers[row] for row in state.rows]
            yield state
            del state

    def limited(self, sizes: Sizes) -> Sizes:
        """Apply ``--batch_size``, and halve the sizes for each time that memory has run out."""
        if self._rows is not None:
            sizes = Sizes(sizes.tokens, 2**31, self._rows)
        tokens = max(SMALLEST_PASS, sizes.tokens >> self.halved)
        together = max(tokens, sizes.together >> self.halved)
        return Sizes(tokens, together, max(1, sizes.rows >> self.halved))
