"""Decoding on a KV cache: rows grow by one token at a time, leave, and make room for others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .attention_kernels import How, merge, part_of
from .own_tokens import OwnTokens
from .prompt_places import PromptPlaces
from .segments import Segment, joined


class Trunk:
    """The beginning that many prompts share, held once, and the places of its rows."""

    def __init__(self, key: object, path: Sequence[Segment]) -> None:
        self.key = key
        self.segment = joined(path)
        self.rows: Tensor | None = None
        """(n,) places; None for all places."""


class Decoding:
    """The KV cache of rows in places, R of them.

    A row attends to three parts: the trunk that its prompt shares with many others, held once;
    the rest of its prompt, held once per prompt and padded to the longest; and its own tokens.
    A row that has left its place is computed nevertheless until another one takes the place, or
    until `shrink`: moving the others would cost more.
    """

    def __init__(self, places: int, prompts: int) -> None:
        """Make places for rows, and for the prompts that they continue."""
        self.places = places
        self.live = torch.empty(0, dtype=torch.long)
        """Places with a row, ascending."""
        self._own = OwnTokens(places)
        self._rest = PromptPlaces(prompts)
        self._prompt = torch.zeros(places, dtype=torch.long)
        self._trunk: list[Trunk | None] = [None] * prompts
        """Of each prompt place."""
        self._trunks: list[Trunk] = []
        self._arrange()

    @property
    def vacant(self) -> list[int]:
        """Return the places without a row."""
        taken = set(self.live.tolist())
        return [place for place in range(self.places) if place not in taken]

    @property
    def vacant_prompts(self) -> list[int]:
        """Return the places of prompts that no row continues."""
        taken = set(self._prompt[self.live].tolist())
        return [place for place in range(len(self._trunk)) if place not in taken]

    @property
    def _begins(self) -> Tensor:
        """(P,) tokens of each prompt place's trunk."""
        return torch.tensor([0 if t is None else len(t.segment) for t in self._trunk])

    @property
    def positions(self) -> Tensor:
        """Return the (R,) position of each row's next token."""
        return self._before + self._own.written

    def add(self, path: Sequence[Segment], shared: int, key: object, places: Sequence[int]) -> None:
        """Start rows that continue a prompt.

        Args:
            path: The prompt as a path of segments.
            shared: The number of leading segments that are its trunk.
            key: Identifies the trunk among those of other prompts.
            places: Vacant places, one for each row.
        """
        prompts = self.vacant_prompts
        prompt = places[0] if places[0] in prompts else prompts[0]
        self._trunk[prompt] = self._known(key, path[:shared]) if shared else None
        self._rest.fill(prompt, path[shared:])
        self._own.begin(places)
        self._prompt[list(places)] = prompt
        self.live = torch.tensor(sorted({*self.live.tolist(), *places}))
        self._arrange()

    def _known(self, key: object, path: Sequence[Segment]) -> Trunk:
        for trunk in self._trunks:
            if trunk.key is key:
                return trunk
        return Trunk(key, path)

    def leave(self, places: Sequence[int]) -> None:
        """Note that the rows in these places are finished."""
        self.live = self.live[~torch.isin(self.live, torch.tensor(list(places)))]

    def shrink(self) -> None:
        """Drop the places without a row, and the prompts without rows."""
        kept = self.live
        used = sorted(set(self._prompt[kept].tolist()))
        self._own.keep(kept)
        self._rest.keep(torch.tensor(used, dtype=torch.long))
        self._trunk = [self._trunk[place] for place in used]
        self._prompt = torch.tensor([used.index(p) for p in self._prompt[kept].tolist()])
        self.places = len(kept)
        self.live = torch.arange(len(kept))
        self._arrange()

    def advance(self) -> None:
        """Note that each row has one more token."""
        self._own.advance(self.live)
        self._masks.clear()

    def _arrange(self) -> None:
        """Assign each row a cell in a grid of prompts × rows per prompt, and trunks their rows."""
        count = len(self._trunk)
        live = self.live.tolist()
        prompts = self._prompt[self.live].tolist()
        sizes = [0] * count
        ranks = []
        for prompt in prompts:
            ranks.append(sizes[prompt])
            sizes[prompt] += 1
        self._most = max([1, *sizes])
        self._cells = torch.zeros(self.places, dtype=torch.long)
        self._cells[self.live] = self._prompt[self.live] * self._most + torch.tensor(
            ranks, dtype=torch.long
        )
        self._grid = torch.zeros(count * self._most, dtype=torch.long)
        self._grid[self._cells[self.live]] = self.live
        self._straight = self._most == 1 and count == self.places and prompts == live
        for place in set(range(count)) - set(prompts):
            self._trunk[place] = None
            self._rest.free(place)
        self._trunks = list(dict.fromkeys(t for t in self._trunk if t is not None))
        for trunk in self._trunks:
            rows = [row for row, p in zip(live, prompts, strict=True) if self._trunk[p] is trunk]
            trunk.rows = None if rows == live else torch.tensor(rows)
        self._before = (self._begins + self._rest.lengths)[self._prompt]
        self._masks: dict[tuple[int, int], Tensor] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How) -> Tensor:
        """Map the queries (R, heads, 1, d) of the rows' new tokens to outputs (R, 1, heads, d)."""
        out, sums = self._own.attend(layer, query, key, value, how, self.live)
        out = out.float()
        if self._rest.longest > 0:
            merge(out, sums, *self._prompt_part(layer, query, how))
        for trunk in self._trunks:
            self._add_trunk(trunk, layer, query, how, out, sums)
        return out.transpose(1, 2).to(query.dtype)

    def _prompt_part(self, layer: int, query: Tensor, how: How) -> tuple[Tensor, Tensor]:
        written = self._own.written[self._grid].reshape(-1, self._most)
        if self._straight:
            return self._rest.attend(layer, query, how, written)
        device = query.device
        _, heads, _, size = query.shape
        grid = query[self._grid.to(device)].reshape(-1, self._most, heads, size).transpose(1, 2)
        out, sums = self._rest.attend(layer, grid, how, written)
        cells = self._cells.to(device)
        out = out.transpose(1, 2).reshape(-1, heads, 1, out.shape[-1])[cells]
        return out, sums.transpose(1, 2).reshape(-1, heads, 1)[cells]

    def _add_trunk(
        self, trunk: Trunk, layer: int, query: Tensor, how: How, out: Tensor, sums: Tensor
    ) -> None:
        """Merge the trunk's part into the outputs of its rows, in place."""
        length = len(trunk.segment)
        positions = self.positions if trunk.rows is None else self.positions[trunk.rows]
        visible = None
        if how.window is not None:
            if int(positions.min()) - how.window >= length - 1:
                return  # it lies outside every row's window
            name = (id(trunk), how.window)
            if name not in self._masks:
                self._masks[name] = torch.arange(length) > positions[:, None] - how.window
            visible = self._masks[name]
        keys, values = trunk.segment.keys(layer), trunk.segment.values(layer)
        if trunk.rows is None:
            part, part_sums = part_of(query.transpose(0, 2), keys, values, how, visible)
            merge(out, sums, part.transpose(0, 2), part_sums.transpose(0, 2))
            return
        rows = trunk.rows.to(query.device)
        part, part_sums = part_of(query[rows].transpose(0, 2), keys, values, how, visible)
        some, some_sums = out[rows], sums[rows]
        merge(some, some_sums, part.transpose(0, 2), part_sums.transpose(0, 2))
        out[rows], sums[rows] = some, some_sums

    def path(self, place: int, cuts: Sequence[int]) -> tuple[list[Segment], list[Segment]]:
        """Return views of a row's keys and values, valid until the next token.

        Args:
            place: The row.
            cuts: Ascending numbers of its own tokens, none more than it has.

        Returns the path of its prompt, and its own tokens in pieces that end at the cuts.
        """
        prompt = int(self._prompt[place])
        trunk = self._trunk[prompt]
        path = [] if trunk is None else [trunk.segment]
        position = sum(map(len, path))
        if int(self._rest.lengths[prompt]):
            path.append(self._rest.segment(prompt, position))
            position += len(path[-1])
        pieces = [
            self._own.segment(place, start, stop, position + start)
            for start, stop in zip([0, *cuts], cuts, strict=False)
        ]
        return path, pieces

    def written(self, place: int) -> int:
        """Return the number of a row's tokens in the cache."""
        return int(self._own.written[place])
