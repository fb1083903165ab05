"""What synthetic questions show of a model's inside: columns of signals."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..signals.probabilities import divergence, entropy, softmax, top_two
from ..signals.tables import FloatArray, IntArray

_LAYERS = 6
_RADII = np.array([0.0, 1.0, 2.0, 4.0])


class Story(Protocol):
    """The n questions that the columns are about."""

    z: FloatArray
    """(n, K) the options' logits."""
    u: FloatArray
    """(n,) the probability that the answer is wrong."""
    answered: IntArray
    """(n,) the most probable option."""
    rng: np.random.Generator
    inside: np.random.Generator


def state_columns(story: Story) -> dict[str, FloatArray]:
    """Return states that move in one direction with the doubt."""
    direction = story.rng.normal(size=6)
    noise = story.rng.normal(0.0, 1.0, (len(story.u), 6))
    return {"state": story.u[:, None] * direction * 4.0 + noise}


def layer_columns(story: Story) -> dict[str, FloatArray]:
    """Return layers that come to the answer step by step, the later the less sure it is."""
    logits, doubt, rng = story.z, story.u, story.inside
    count, width = logits.shape
    weight = np.linspace(0.1, 1.0, _LAYERS)
    noise = rng.normal(0.0, 1.0, (count, _LAYERS, width)) * (1.0 - weight)[:, None]
    near = weight - 0.5 * doubt[:, None] * (1.0 - weight)
    return {
        "option_logprobs": np.log(softmax(weight[:, None] * logits[:, None] + noise)) - 0.1,
        "update_norms": np.exp(rng.normal(0.0, 0.2, (count, _LAYERS))),
        "turns": 0.5 * near,
        "supports": 0.8 * near,
        "arrivals": near,
    }


def option_columns(story: Story) -> dict[str, FloatArray]:
    """Return covariances of states that have one part in common, and one of their own."""
    count, width = story.z.shape
    own = np.eye(width) * story.inside.uniform(0.5, 1.5, (count, width, 1))
    there = ~np.isnan(story.z)
    return {"covariance": np.where(there[:, :, None] & there[:, None], 2.0 + own, np.nan)}


def perturbed_columns(story: Story) -> dict[str, FloatArray]:
    """Return answers that yield to a push, the sooner the less sure they are."""
    logits, doubt, answer = story.z, story.u, story.answered
    count, width = logits.shape
    moved = np.repeat(logits[:, None], len(_RADII), axis=1)
    moved[np.arange(count), :, answer] -= _RADII
    q = softmax(moved)
    first, second = top_two(moved.reshape(-1, width))
    return {
        "radii": np.tile(_RADII, (count, 1)),
        "option_logprobs": np.log(q) - 0.1,
        "entropies": entropy(q),
        "divergences": divergence(np.broadcast_to(q[:, :1], q.shape), q),
        "margins": (first - second).reshape(count, len(_RADII)),
        "cosines": np.tile(1.0 / np.sqrt(1.0 + _RADII**2), (count, 1)),
        "gradient_norm": doubt + 0.1,
        "state_norm": np.full(count, 9.0),
    }
