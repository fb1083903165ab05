"""Forward passes of a transformers causal language model.

Prompts are prefilled as a tree of their common prefixes (`prefixes`, `attention`): every
distinct prefix once, without padding, with logits at the prompts' last tokens only. A model that
does not support this falls back to plain batches, padded on the left.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .attention import NAME, TreePass
from .cache.decoding import Decoding
from .cache.prefixes import MIN_SHARED, Node, grow, packs, release, trunk_of
from .cache.segments import Chunk, Segment, joined
from .inside.layer_watch import LayerNumbers, LayerWatch, StateWatch
from .model_attention import check_windows, fixed_positions
from .plain import PlainState, batches
from .states import Sizes, State
from .static import Static, StaticRows
from .tree_states import TreeState

if TYPE_CHECKING:
    from transformers import Cache, PreTrainedModel

logger = logging.getLogger(__name__)


class Forward:
    """Runs one model. ``sharing`` says whether prompts are prefilled as a tree."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.device = model.device
        self.sharing = True
        self._plain = model.config._attn_implementation
        self._most_positions = fixed_positions(model.config)
        self._trunk: tuple[list[int], Segment] | None = None
        self.static: Static | None = None
        """The compiled decoding step, if the model is compiled."""
        self.watch: LayerWatch | None = None
        """Who reads the layers where prompts are prefilled."""
        self.after: StateWatch | None = None
        """Who reads states where prompts are continued."""

    def compile(self) -> None:
        """Decode with a compiled model from now on, if the model supports shared prefixes."""
        if not self.sharing:
            logger.warning("the model is not compiled (it cannot share prefixes)")
            return
        self.static = Static(self._static_step, self.device, self.tolerance)

    @property
    def tolerance(self) -> float:
        """Return the absolute and relative tolerance within which logits count as equal."""
        return 1e-3 if self.model.dtype == torch.float32 else 0.5

    def _static_step(self, ids: Tensor, positions: Tensor, rows: StaticRows) -> Tensor:
        output = self.model(input_ids=ids, position_ids=positions, use_cache=False, tree=rows)
        return output.logits[:, -1].float()

    # -- passes --------------------------------------------------------------------------------

    @torch.inference_mode()
    def run(self, rows: Sequence[list[int]], sizes: Sizes) -> Iterator[State]:
        """Prefill prompts, a batch at a time.

        Args:
            rows: The token ids of each prompt.
            sizes: The batch sizes.

        Yields the state of each batch; ``State.rows`` are its indices into ``rows``.
        """
        if self.sharing and max(map(len, rows)) < self._most_positions:
            yield from self._run_tree(rows, sizes)
            return
        for part in batches([len(row) for row in rows], sizes.together, sizes.rows):
            yield self.run_plain(part, [rows[index] for index in part])

    def _run_tree(self, rows: Sequence[list[int]], sizes: Sizes) -> Iterator[State]:
        known, trunk = self._trunk or ([], None)
        nodes = grow(rows, known, longest=sizes.tokens)
        for node in nodes:
            # A prompt's last token must go through the model even if cached: its logits are needed.
            if node.known and not node.ends and trunk is not None:
                node.segment = Segment(trunk.chunk, node.start, node.stop, node.start)
        new = [node for node in nodes if node.segment is None]
        parts = list(packs(new, sizes.together, sizes.rows))
        held: list[Node] = []
        for part, later in zip(parts, [*parts[1:], []], strict=True):
            state = TreeState(self)
            for pack in packs(part, sizes.tokens, len(rows)):
                self._run_pack(rows, pack, state)
            if len(rows) - 1 in state.rows:
                path = state.paths[state.rows.index(len(rows) - 1)]
                self._trunk = (list(rows[-1]), joined(path))
            held = release([*held, *part], later)
            if state.rows:
                yield state
            del state

    def _run_pack(self, rows: Sequence[list[int]], part: Sequence[Node], state: TreeState) -> None:
        """Run new nodes, and add the prompts that end with them to the state."""
        chunk = Chunk()
        start = 0
        ids: list[int] = []
        ends: list[int] = []
        for node in part:
            node.segment = Segment(chunk, start, start + len(node), node.start)
            start += len(node)
            ids += rows[node.row][node.start : node.stop]
            for row in node.ends:
                state.rows.append(row)
                path = node.path()
                state.paths.append([above.computed for above in path])
                state.trunks.append(trunk_of(path, len(rows)))
                state.lengths.append(node.stop)
                ends.append(start - 1)
        paths = [[above.computed for above in node.path()[:-1]] for node in part]
        tree = TreePass(chunk, paths, [len(node) for node in part], [node.start for node in part])
        logits, hidden = self.tree_call(tree, ids, ends, self.watch)
        if self.watch is not None:
            state.layers.add(self.watch.numbers(hidden, logits))
        state.logits = torch.cat([state.logits, logits]) if len(state.logits) else logits
        state.hidden = torch.cat([state.hidden, hidden]) if len(state.hidden) else hidden

    def tree_call(
        self,
        tree: TreePass,
        ids: Sequence[int],
        ends: Sequence[int],
        watch: LayerWatch | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run the tokens ``ids`` of new nodes; ``watch`` sees the layers.

        Returns the logits (n, V) and the head's inputs (n, d) at the indices ``ends``.
        """
        places = torch.tensor(ends, dtype=torch.long)
        logits, hidden, _ = self._call(
            lambda hidden: hidden[0, places.to(hidden.device)],
            watch,
            input_ids=torch.tensor([ids], device=self.device),
            position_ids=tree.positions[None].to(self.device),
            use_cache=False,
            tree=tree,
        )
        check_windows(self.model.config, tree.windows)
        return logits, hidden

    def extended(
        self, paths: Sequence[Sequence[Segment]], chains: Sequence[Sequence[int]]
    ) -> TreeState:
        """Prefill the tokens of ``chains`` after paths that are in the cache, in one pass."""
        state, chunk = TreeState(self), Chunk()
        depths = [sum(map(len, path)) for path in paths]
        ends = [end - 1 for end in accumulate(map(len, chains))]
        tree = TreePass(chunk, paths, list(map(len, chains)), depths)
        ids = [token for chain in chains for token in chain]
        state.logits, state.hidden = self.tree_call(tree, ids, ends)
        state.rows = list(range(len(paths)))
        for path, depth, chain, end in zip(paths, depths, chains, ends, strict=True):
            state.paths.append([*path, Segment(chunk, end + 1 - len(chain), end + 1, depth)])
            state.trunks.append((0, None))
            state.lengths.append(depth + len(chain))
        return state

    def decode_call(self, decoding: Decoding, tokens: Tensor) -> Tensor:
        """Decode one token (R,) of each row; returns the logits (R, V)."""
        logits, _, _ = self._call(
            lambda hidden: hidden[:, -1],
            None,
            input_ids=tokens[:, None],
            position_ids=decoding.positions[:, None].to(self.device),
            use_cache=False,
            tree=decoding,
        )
        decoding.advance()
        return logits

    def run_plain(self, part: list[int], rows: Sequence[list[int]]) -> PlainState:
        """Prefill the prompts ``rows``, whose indices are ``part``, as one padded batch."""
        width = max(map(len, rows))
        ids = torch.zeros((len(rows), width), dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for index, row in enumerate(rows):
            ids[index, width - len(row) :] = torch.tensor(row)
            mask[index, width - len(row) :] = 1
        ids, mask = ids.to(self.device), mask.to(self.device)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        logits, hidden, cache = self.plain_call(ids, mask, positions, None, self.watch)
        layers = self.watch.numbers(hidden, logits) if self.watch else LayerNumbers()
        lengths = [len(row) for row in rows]
        return PlainState(self, part, logits, lengths, hidden, cache, mask, rows, layers)

    def plain_call(
        self,
        ids: Tensor,
        mask: Tensor,
        positions: Tensor,
        cache: Cache | None,
        watch: LayerWatch | None = None,
    ) -> tuple[Tensor, Tensor, Cache | None]:
        """Run a padded batch on its KV cache; ``watch`` sees the layers.

        Returns the logits (B, V) and the head's inputs (B, d) at the last position, and the cache.
        """
        return self._call(
            lambda hidden: hidden[:, -1],
            watch,
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )

    @torch.inference_mode()
    def _call(
        self, choose: Callable[[Tensor], Tensor], watch: LayerWatch | None, **inputs: object
    ) -> tuple[Tensor, Tensor, Cache | None]:
        """Run the model, with the language-model head on the chosen positions only."""
        self.use_attention(NAME if "tree" in inputs else self._plain)
        seen: list[Tensor] = []

        def at_head(_: torch.nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            seen.append(choose(given[0]))
            return (seen[0][None], *given[1:])

        hook = self.model.get_output_embeddings().register_forward_pre_hook(at_head)
        try:
            eye = watch or self.after
            with contextlib.nullcontext() if eye is None else eye.hooked(choose):
                output = self.model(**inputs)
        finally:
            hook.remove()
        return output.logits[0].float(), seen[0], getattr(output, "past_key_values", None)

    def use_attention(self, attention: str) -> None:
        """Set the attention implementation that the model uses."""
        if self.model.config._attn_implementation != attention:
            self.model.set_attn_implementation(attention)

    @contextlib.contextmanager
    def running(self, compiled: bool = True) -> Iterator[None]:
        """Run passes inside this block; afterwards the model's own attention is restored."""
        static = self.static
        try:
            self.static = static if compiled else None
            yield
        finally:
            self.static = static
            self.use_attention(self._plain)

    # -- does the model support it? --------------------------------------------------------------

    def check_sharing(self, vocabulary_size: int) -> None:
        """Turn prefix sharing off, with one warning, if it changes the model's logits."""
        if not self.sharing:
            return
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(0, vocabulary_size, (4, 2 * MIN_SHARED), generator=generator).tolist()
        rows = [ids[0] + ids[1] + ids[2][:5], ids[0] + ids[1] + ids[3][:9], ids[0] + ids[2][:7]]
        try:
            with self.running():
                shared = self._probe(rows)
                self.sharing = False
                plain = self._probe(rows)
            tolerance = self.tolerance
            self.sharing = torch.allclose(plain, shared, atol=tolerance, rtol=tolerance)
            reason = "its logits change with shared prefixes"
        except Exception as error:
            self.sharing = False
            reason = f"{type(error).__name__}: {error}"
        self._trunk = None
        if not self.sharing:
            logger.warning(
                "prefixes are not shared with this model (%s): slower, same results", reason
            )

    def _probe(self, rows: list[list[int]]) -> Tensor:
        """Return the logits of the rows, and of the rows with one token appended in two ways."""
        (state,) = self.run(rows, Sizes(2**20, 2**20, 2**20))
        order = [state.rows.index(index) for index in range(len(rows))]
        tokens = torch.tensor([rows[row][0] for row in state.rows], device=state.logits.device)
        after = state.after(order, tokens[order, None])
        logits = state.logits[order]
        decoder = state.decoder([1] * len(rows), 1)
        decoder.step(list(range(len(rows))), tokens)
        return torch.cat([logits, after, decoder.logits[order]])
