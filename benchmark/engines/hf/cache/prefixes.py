"""Prompts as a tree: a common prefix is one node, and is prefilled once.

A `Node` holds the tokens that a group of prompts share after those of its parent. Nodes are
listed depth first, so that the descendants of a node are adjacent; `packs` cuts them into
forward passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .segments import Segment, joined

MIN_SHARED = 16
"""Shorter common prefixes are computed repeatedly instead of getting a node of their own."""
_BLOCK = 64
_MANY = 8

Rows = Sequence[Sequence[int]]


@dataclass(eq=False)
class Node:
    """Tokens ``start`` to ``stop`` of the prompts below it; ``row`` is one of these prompts."""

    start: int
    stop: int
    row: int
    parent: Node | None
    ends: list[int] = field(default_factory=list)
    """Prompts that end with this node."""
    count: int = 1
    """Number of prompts below it."""
    known: bool = False
    """Whether it lies on the path that is in the KV cache already."""
    segment: Segment | None = None
    """Its keys and values, once computed."""

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def computed(self) -> Segment:
        """Return the keys and values of a node that has been computed."""
        assert self.segment is not None
        return self.segment

    def path(self) -> list[Node]:
        """Return the nodes from the root to this one."""
        nodes: list[Node] = []
        node: Node | None = self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the length of the common prefix of two prompts."""
    limit = min(len(first), len(second))
    start = 0
    while start < limit and first[start : start + _BLOCK] == second[start : start + _BLOCK]:
        start += _BLOCK
    while start < limit and first[start] == second[start]:
        start += 1
    return min(start, limit)


def grow(
    rows: Rows, known: Sequence[int] = (), least: int = MIN_SHARED, longest: int = 2**31
) -> list[Node]:
    """Return the prefix tree of token sequences, as nodes in depth-first order.

    Args:
        rows: The prompts' token ids, at least one each. Siblings keep the order of their first
            prompts.
        known: The tokens that are in the KV cache. Nodes on their path are marked, and nodes
            that only they would need are left out.
        least: Minimum number of tokens of a node that several prompts share.
        longest: Maximum number of tokens of a node; longer ones become a chain.
    """
    known_row = len(rows)
    sequences = [*rows, known] if known else list(rows)
    order = sorted(range(len(sequences)), key=lambda index: list(sequences[index]))
    shared = [0] + [common_length(sequences[a], sequences[b]) for a, b in pairwise(order)]
    nodes: list[Node] = []
    waiting = _children(order, shared, 0, len(order), None, least, known_row)
    while waiting:
        low, high, parent = waiting.pop()
        depth = 0 if parent is None else parent.stop
        stop = min(shared[low + 1 : high], default=len(sequences[order[low]]))
        node = parent
        while depth < stop:
            end = min(stop, depth + longest)
            below = order[low:high]
            known_too = known_row in below
            node = Node(depth, end, min(below), node, count=len(below) - known_too, known=known_too)
            nodes.append(node)
            depth = end
        assert node is not None
        while low < high and len(sequences[order[low]]) == depth:
            if order[low] != known_row:
                node.ends.append(order[low])
            low += 1
        waiting += _children(order, shared, low, high, node, least, known_row)
    return nodes


def _children(
    order: list[int],
    shared: list[int],
    low: int,
    high: int,
    parent: Node | None,
    least: int,
    known_row: int,
) -> list[tuple[int, int, Node | None]]:
    """Return groups of prompts that share enough beyond ``parent``; the first group comes last."""
    depth = 0 if parent is None else parent.stop
    cuts = [low, *(at for at in range(low + 1, high) if shared[at] - depth < least), high]
    groups = [(a, b, parent) for a, b in pairwise(cuts) if a < b]
    groups = [group for group in groups if order[group[0] : group[1]] != [known_row]]
    return sorted(groups, key=lambda group: -min(order[group[0] : group[1]]))


def trunk_of(path: Sequence[Node], prompts: int) -> tuple[int, object]:
    """Return how many leading nodes of a path are shared by many of the prompts, and the last.

    Many are eight, or half of all: fewer would cost more in passes over parts than they save.
    """
    least = max(2, min(_MANY, prompts // 2))
    size = 0
    while size < len(path) and path[size].count >= least:
        size += 1
    return size, path[size - 1] if size else None


def packs(nodes: Sequence[Node], budget: int, most: int) -> Iterator[list[Node]]:
    """Yield runs of nodes of at most ``budget`` tokens and ``most`` prompts, at least one each."""
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


def release(done: Sequence[Node], later: Sequence[Node]) -> list[Node]:
    """Free the keys and values that no later node needs; return the nodes that are kept.

    Kept segments are detached from a chunk that holds more than them.
    """
    needed = {id(node) for node in (later[0].path() if later else ())}
    kept = [node for node in done if id(node) in needed]
    for node in done:
        if id(node) not in needed:
            node.segment = None
        elif len(node.computed) < node.computed.chunk.tokens:
            node.segment = joined([node.computed])
    return kept
