"""Prompts as a tree: what they begin with in common is one node, and goes through the model once.

``Node`` holds the tokens that a group of prompts share after those of its parent. Nodes come depth
first, so that the descendants of a node lie together; ``packs`` cuts them into forward passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .segments import Segment

MIN_SHARED = 16
"""Shorter common parts are computed twice rather than made a node of their own."""
_BLOCK = 64

Rows = Sequence[Sequence[int]]


@dataclass(eq=False)
class Node:
    """Tokens ``start`` to ``stop`` of the prompts below; ``row`` is one of these prompts."""

    start: int
    stop: int
    row: int
    parent: Node | None
    ends: list[int] = field(default_factory=list)
    """Prompts that end with this node."""
    known: bool = False
    """Whether the path that ``grow`` was told is in the cache leads through it."""
    segment: Segment | None = None
    """Where its keys and values are, once computed."""

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def computed(self) -> Segment:
        """Where its keys and values are, of a node that went through the model."""
        assert self.segment is not None
        return self.segment

    def path(self) -> list[Node]:
        """The nodes from the root to this one."""
        nodes: list[Node] = []
        node: Node | None = self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """Number of leading tokens that two prompts share."""
    limit = min(len(one), len(other))
    start = 0
    while start < limit and one[start : start + _BLOCK] == other[start : start + _BLOCK]:
        start += _BLOCK
    while start < limit and one[start] == other[start]:
        start += 1
    return min(start, limit)


def grow(
    rows: Rows, known: Sequence[int] = (), least: int = MIN_SHARED, longest: int = 2**31
) -> list[Node]:
    """The tree of token sequences (each at least one token), nodes depth first.

    Siblings come in the order of their first prompts. A node shared by several prompts has at
    least ``least`` tokens; nodes longer than ``longest`` become a chain. Nodes on the path of
    ``known`` are marked, and what only ``known`` would need is left out.
    """
    told = len(rows)
    every = [*rows, known] if known else list(rows)
    order = sorted(range(len(every)), key=lambda index: list(every[index]))
    shared = [0] + [common_length(every[a], every[b]) for a, b in pairwise(order)]
    nodes: list[Node] = []
    waiting = _children(order, shared, 0, len(order), None, least, told)
    while waiting:
        low, high, parent = waiting.pop()
        depth = 0 if parent is None else parent.stop
        stop = min(shared[low + 1 : high], default=len(every[order[low]]))
        node = parent
        while depth < stop:
            end = min(stop, depth + longest)
            node = Node(depth, end, min(order[low:high]), node, known=told in order[low:high])
            nodes.append(node)
            depth = end
        assert node is not None
        while low < high and len(every[order[low]]) == depth:
            if order[low] != told:
                node.ends.append(order[low])
            low += 1
        waiting += _children(order, shared, low, high, node, least, told)
    return nodes


def _children(
    order: list[int],
    shared: list[int],
    low: int,
    high: int,
    parent: Node | None,
    least: int,
    told: int,
) -> list[tuple[int, int, Node | None]]:
    """Groups of prompts that share enough beyond ``parent``; the first group is last."""
    depth = 0 if parent is None else parent.stop
    cuts = [low, *(at for at in range(low + 1, high) if shared[at] - depth < least), high]
    groups = [(a, b, parent) for a, b in pairwise(cuts) if a < b]
    groups = [group for group in groups if order[group[0] : group[1]] != [told]]
    return sorted(groups, key=lambda group: -min(order[group[0] : group[1]]))


def packs(nodes: Sequence[Node], budget: int, most: int) -> Iterator[list[Node]]:
    """Consecutive nodes of at most ``budget`` tokens and ``most`` prompts, at least one node."""
    pack: list[Node] = []
    tokens = prompts = 0
    for node in nodes:
        tokens, prompts = tokens + len(node), prompts + len(node.ends)
        if pack and (tokens > budget or prompts > most):
            yield pack
            pack, tokens, prompts = [], len(node), len(node.ends)
        pack.append(node)
    if pack:
        yield pack
