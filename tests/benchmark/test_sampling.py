"""Samples from the vocabulary follow its distribution and depend on their seeds alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from apprehend.benchmark.engines.hf.reading import entropy, uniform_kl
from apprehend.benchmark.engines.shared.sampling import Draws, draw_tokens
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from scipy.stats import entropy as scipy_entropy


def drawn(logits: torch.Tensor, temperature: float, count: int, first: int = 0) -> list[list[int]]:
    draws = [
        [Draws(first + row * count + number) for number in range(count)]
        for row in range(len(logits))
    ]
    return draw_tokens(logits, temperature, draws)


@pytest.mark.parametrize("vocabulary", [2, 3, 10, 129, 1000])
@pytest.mark.parametrize("spread", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_draws_follow_the_distribution(vocabulary: int, spread: float, temperature: float) -> None:
    generator = torch.Generator().manual_seed(vocabulary)
    logits = spread * torch.randn((1, vocabulary), generator=generator)
    (tokens,) = drawn(logits, temperature, 20_000)
    expected = 20_000 * torch.softmax(logits[0].double() / temperature, dim=-1).numpy()
    counts = np.bincount(tokens, minlength=vocabulary)
    assert len(counts) == vocabulary
    order = np.argsort(-expected)  # rare tokens are counted together
    bins = np.cumsum(expected[order]) // 50
    groups = [(counts[order][bins == b].sum(), expected[order][bins == b].sum())
              for b in np.unique(bins)]  # fmt: skip
    if len(groups) > 1:
        seen, wanted = np.array(groups).T
        assert chisquare(seen, wanted * seen.sum() / wanted.sum()).pvalue > 1e-4


def test_impossible_tokens_are_not_drawn() -> None:
    logits = torch.full((1, 1000), -torch.inf)
    logits[0, [3, 999]] = 0.0
    (tokens,) = drawn(logits, 1.0, 500)
    assert set(tokens) == {3, 999}
    logits[0, 999] = -torch.inf
    assert set(drawn(logits, 1.0, 50)[0]) == {3}


def test_draws_depend_on_their_seeds_alone() -> None:
    logits = 2 * torch.randn((7, 301), generator=torch.Generator().manual_seed(0))
    together = drawn(logits, 1.0, 5)
    for row in range(7):
        alone = drawn(logits[row : row + 1], 1.0, 5, first=5 * row)
        assert alone == [together[row]]
    nudged = logits + 1e-5 * torch.randn((7, 301), generator=torch.Generator().manual_seed(1))
    assert drawn(nudged, 1.0, 5) == together
    assert drawn(logits, 1.0, 5, first=1000) != together


@given(
    st.lists(st.floats(-30, 30), min_size=2, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_entropy_and_divergence_equal_scipy(values: list[float], possible: list[bool]) -> None:
    kept = [place for place in range(len(values)) if possible[place]] or [0]
    logits = torch.full((1, len(values)), -torch.inf)
    logits[0, kept] = torch.tensor(values)[kept]
    logprobs = torch.log_softmax(logits, dim=-1)
    p = torch.softmax(logits[0].double(), dim=-1).numpy()[kept]
    assert float(entropy(logprobs)) == pytest.approx(scipy_entropy(p), abs=2e-5)
    uniform = np.full(len(kept), 1 / len(kept))
    assert float(uniform_kl(logprobs)) == pytest.approx(scipy_entropy(uniform, p), abs=2e-4)
