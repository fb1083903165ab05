"""The tree of prompts, and attention over it, against brute force."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from apprehend.benchmark.engines.hf.attention import Edge, edges
from apprehend.benchmark.engines.hf.cache.attention_kernels import How, causal_part, merge, part_of
from apprehend.benchmark.engines.hf.cache.prefixes import (
    Node,
    common_length,
    grow,
    packs,
)
from apprehend.benchmark.engines.hf.cache.segments import Chunk, Segment
from hypothesis import given, settings
from hypothesis import strategies as st

rows_of_tokens = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1)


def tokens_of(node: Node, rows: Any) -> list[int]:
    return [token for n in node.path() for token in rows[n.row][n.start : n.stop]]


@settings(max_examples=300, deadline=None)
@given(rows_of_tokens, st.integers(1, 4), st.integers(1, 5))
def test_tree_holds_every_prompt_once(rows: Any, least: int, longest: int) -> None:
    nodes = grow(rows, least=least, longest=longest)
    ends = {row: node for node in nodes for row in node.ends}
    assert sorted(row for node in nodes for row in node.ends) == list(range(len(rows)))
    for row, node in ends.items():
        assert tokens_of(node, rows) == rows[row]
        assert node.stop == len(rows[row])
    assert all(1 <= len(node) <= longest for node in nodes)
    seen: set[int] = set()
    for node in nodes:  # depth first: a node's parent is above the node before it
        assert node.parent is None or id(node.parent) in seen
        seen.add(id(node))


@settings(max_examples=300, deadline=None)
@given(rows_of_tokens)
def test_the_tree_holds_the_distinct_prefixes(rows: Any) -> None:
    prefixes = {tuple(row[:size]) for row in rows for size in range(1, len(row) + 1)}
    assert sum(map(len, grow(rows, least=1))) == len(prefixes)


@settings(max_examples=300, deadline=None)
@given(rows_of_tokens, st.lists(st.integers(0, 2), min_size=1, max_size=12), st.integers(1, 3))
def test_known_nodes_are_on_the_known_path(rows: Any, known: list[int], least: int) -> None:
    nodes = grow(rows, known, least=least)
    for node in nodes:
        if node.known:
            assert tokens_of(node, rows) == known[: node.stop]
            assert node.row < len(rows)
    assert sorted(row for node in nodes for row in node.ends) == list(range(len(rows)))


@settings(max_examples=100, deadline=None)
@given(rows_of_tokens, st.integers(1, 20), st.integers(1, 3))
def test_packs_keep_order_and_limits(rows: Any, budget: int, most: int) -> None:
    nodes = grow(rows, least=1)
    found = list(packs(nodes, budget, most))
    assert [node for pack in found for node in pack] == nodes
    for pack in found:
        assert len(pack) == 1 or sum(map(len, pack)) <= budget
        assert len(pack) == 1 or sum(len(node.ends) for node in pack) <= most


def test_siblings_come_in_the_order_of_their_prompts() -> None:
    rows = [[9, 9, 1], [1, 1, 1], [9, 9, 0], [1, 1, 0]]
    ends = [row for node in grow(rows, least=1) for row in node.ends]
    assert ends == [0, 2, 1, 3]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 200])
def test_common_length(size: int) -> None:
    same = list(range(size))
    assert common_length([*same, 1000], [*same, 2000, 1]) == size
    assert common_length(same, [*same, 7]) == size


def test_edges_join_neighboring_queries() -> None:
    shots, stem = Segment(Chunk(), 0, 9, 0), Segment(Chunk(), 0, 4, 9)
    found = edges([[shots], [shots, stem], [shots, stem], [shots]], [4, 2, 3, 5])
    assert found == [Edge(0, 14, shots), Edge(4, 9, stem)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("window", [None, 3, 6])
@pytest.mark.parametrize("heads", [(4, 4), (4, 2)])
def test_merged_parts_are_attention(
    heads: tuple[int, int], window: int | None, softcap: float | None, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(1)
    before, own, size = 5, 7, 8

    def draw(count: int, length: int) -> torch.Tensor:
        return torch.randn((1, count, length, size), generator=generator).to(dtype)

    query, key, value = (
        draw(heads[0], own),
        draw(heads[1], before + own),
        draw(heads[1], before + own),
    )
    how = How(0.4, window, softcap)
    out, sums = causal_part(query, key[:, :, before:], value[:, :, before:], how)
    out = out.float()
    places = torch.arange(before + own)
    near = places > places[before:, None] - (window or 100)
    merge(
        out, sums, *part_of(query, key[:, :, :before], value[:, :, :before], how, near[:, :before])
    )

    key, value = (x.repeat_interleave(heads[0] // heads[1], dim=1).double() for x in (key, value))
    scores = query.double() @ key.transpose(-1, -2) * how.scale
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    visible = near & (places <= places[before:, None])
    expected = torch.softmax(scores.masked_fill(~visible, -torch.inf), dim=-1) @ value
    tolerance = 1e-5 if dtype == torch.float32 else 3e-2
    torch.testing.assert_close(out.double(), expected, atol=tolerance, rtol=tolerance)
