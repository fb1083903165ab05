"""Decoding with a compiled model, on a KV cache at fixed addresses.

One token per row is so little work for a GPU that launching its hundreds of kernels takes longer
than running them. ``torch.compile`` fuses them and replays the rest as one CUDA graph, for which
shapes and addresses must not change from token to token. So each row holds its whole prompt,
finished rows stay until three quarters of them are finished, and slots are reused by later
prompts.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .cache.attention_kernels import How
from .cache.segments import Chunk, Segment

logger = logging.getLogger(__name__)

BACKEND = "inductor"
LEAST_ROWS = 8
LENGTH_STEP = 256
_SHAPES = 64
"""Maximum number of distinct shapes to compile for; beyond it PyTorch gives up."""


class StaticRows:
    """The KV cache of rows, aligned at the prompts' ends.

    A key's index is its column: prompts end before ``width``, and generated tokens follow.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.checked = False
        """Whether the compiled logits have been checked at this shape."""
        self.keys: dict[int, Tensor] = {}
        """Layer → (R, key heads, columns, d)."""
        self.values: dict[int, Tensor] = {}
        self.starts = self.places = self.column = self.positions = self.tokens = torch.empty(0)

    def begin(self, paths: Sequence[Sequence[Segment]], lengths: Sequence[int]) -> None:
        """Load prompts, as paths of segments and their numbers of tokens, one per row."""
        first = paths[0][0].chunk
        if not self.keys:
            self._allocate(first.keys, first.values)
        width = max(lengths)
        for layer in self.keys:
            for row, (path, length) in enumerate(zip(paths, lengths, strict=True)):
                at = width - length
                for part in path:
                    columns = slice(at, at + len(part))
                    self.keys[layer][row, :, columns] = part.keys(layer)[0]
                    self.values[layer][row, :, columns] = part.values(layer)[0]
                    at += len(part)
        known = torch.tensor([*lengths, *[width] * (self.rows - len(lengths))])[:, None]
        self.starts.copy_(width - known)
        self.positions.copy_(known)
        self.column.fill_(width)

    def take(self, other: StaticRows, chosen: Sequence[int]) -> None:
        """Copy the chosen rows of another cache."""
        if not self.keys:
            self._allocate(other.keys, other.values)
        index = torch.tensor(list(chosen), device=self.column.device)
        count = len(chosen)
        for mine, theirs in ((self.keys, other.keys), (self.values, other.values)):
            for layer, held in mine.items():
                held[:count, :, : other.columns] = theirs[layer][index]
        for mine_, theirs_ in ((self.starts, other.starts), (self.positions, other.positions)):
            mine_.copy_(theirs_[index[0]].expand_as(mine_))
            mine_[:count] = theirs_[index]
        self.column.copy_(other.column)

    def advance(self) -> None:
        """Note that each row has one more token."""
        self.column.add_(1)
        self.positions.add_(1)

    def _allocate(self, keys: dict[int, Tensor], values: dict[int, Tensor]) -> None:
        def fixed(tensor: Tensor) -> Tensor:
            torch._dynamo.mark_static_address(tensor)
            return tensor

        for mine, theirs in ((self.keys, keys), (self.values, values)):
            for layer, given in theirs.items():
                shape = (self.rows, given.shape[1], self.columns, given.shape[3])
                mine[layer] = fixed(given.new_zeros(shape))
        device = next(iter(keys.values())).device
        each = torch.zeros((self.rows, 1), dtype=torch.long, device=device)
        self.starts, self.positions, self.tokens = (fixed(each.clone()) for _ in range(3))
        self.places = fixed(torch.arange(self.columns, device=device))
        self.column = fixed(torch.zeros(1, dtype=torch.long, device=device))

    def segments(self, row: int, cuts: Sequence[int]) -> list[Segment]:
        """Return views of a row's tokens, prompt included, in pieces that end at the cuts."""
        start = int(self.starts[row])
        pieces = []
        for first, stop in zip([0, *cuts], cuts, strict=False):
            columns = slice(start + first, start + stop)
            chunk = Chunk(
                {layer: keys[row : row + 1, :, columns] for layer, keys in self.keys.items()},
                {layer: keys[row : row + 1, :, columns] for layer, keys in self.values.items()},
            )
            pieces.append(Segment(chunk, 0, stop - first, first))
        return pieces

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How) -> Tensor:
        """Map the queries (R, heads, 1, d) of the rows' new tokens to outputs (R, 1, heads, d)."""
        keys, values = self.keys[layer], self.values[layer]
        keys.index_copy_(2, self.column, key)
        values.index_copy_(2, self.column, value)
        seen = (self.places >= self.starts) & (self.places <= self.column)
        if how.window is not None:
            seen = seen & (self.places > self.column - how.window)
        rows, heads, _, size = query.shape
        # The heads that share a key head are treated as queries of it, so no key is repeated.
        query = query.reshape(rows, keys.shape[1], -1, size)
        out = _attention(query, keys, values, how, seen[:, None, None])
        return out.reshape(rows, heads, 1, -1).transpose(1, 2)


def _attention(query: Tensor, key: Tensor, value: Tensor, how: How, seen: Tensor) -> Tensor:
    if how.softcap is None:
        return torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, scale=how.scale
        )
    scores = (query @ key.transpose(-1, -2)).float() * how.scale
    scores = torch.tanh(scores / how.softcap) * how.softcap
    return scores.masked_fill(~seen, -torch.inf).softmax(dim=-1).to(value.dtype) @ value


Step = Callable[[Tensor, Tensor, StaticRows], Tensor]
"""Tokens (R, 1), positions (R, 1) and the rows' KV cache → logits (R, V)."""


def columns_for(tokens: int) -> int:
    """Round a number of tokens up to one of few column counts, as each is compiled separately."""
    return -(-tokens // LENGTH_STEP) * LENGTH_STEP


class Static:
    """A model's compiled decoding step, and the KV caches that it has been compiled for."""

    def __init__(self, step: Step, device: torch.device, tolerance: float) -> None:
        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _SHAPES)
        self._step = step
        self._compiled: Step | None = torch.compile(
            step,
            dynamic=False,
            fullgraph=True,
            backend=BACKEND,
            mode="reduce-overhead" if device.type == "cuda" else None,
        )
        self._tolerance = tolerance
        self._known: list[StaticRows] = []

    def rows(self, count: int, columns: int) -> StaticRows:
        """Return a KV cache of at least that many rows and columns, reused if one fits."""
        count = max(LEAST_ROWS, 1 << (count - 1).bit_length())
        columns = columns_for(columns)
        for known in self._known:
            if known.rows == count and known.columns >= columns:
                return known
        self._known = [known for known in self._known if known.rows != count]
        self._known.append(StaticRows(count, columns))
        return self._known[-1]

    @property
    def bytes(self) -> int:
        """Return the memory of all KV caches in bytes."""
        parts = (part for rows in self._known for part in (rows.keys, rows.values))
        return sum(tensor.nbytes for part in parts for tensor in part.values())

    def forget(self) -> None:
        """Free the memory of all KV caches."""
        self._known.clear()

    def logits(self, rows: StaticRows) -> Tensor:
        """Return the logits (R, V) after ``rows.tokens``.

        At the first use of each shape they are compared with those of the plain step.
        """
        inputs = (rows.tokens, rows.positions, rows)
        if self._compiled is None:
            return self._step(*inputs)
        plain = None if rows.checked else self._step(*inputs)
        rows.checked = True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # from the compiler's internals
                torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
                logits = self._compiled(*inputs)
            close = plain is None or torch.allclose(
                plain, logits, atol=self._tolerance, rtol=self._tolerance
            )
            reason = "its logits change when compiled"
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            close, reason = False, _cause(error)
        if close:
            return logits
        self._compiled = None
        logger.warning("the model is not compiled (%s): slower, same results", reason)
        return self._step(*inputs) if plain is None else plain


def _cause(error: BaseException) -> str:
    """Return the root cause of a compiler error, in one line."""
    while inner := getattr(error, "inner_exception", None) or error.__cause__:
        error = inner
    lines = (line.strip() for line in str(error).splitlines())
    return f"{type(error).__name__}: {next(filter(None, lines), '')}"
