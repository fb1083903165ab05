"""Push hidden states against the answer, along the gradient of its negative log-likelihood.

As in CCPS (arXiv 2505.21772): its five radii 4, 8, …, 20, and smaller ones before them, because
the states of small models are shorter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .lens import Lens

RADII = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0)


@dataclass(frozen=True)
class Pushed:
    """What the head reads at S + 1 radii around n states, on the CPU."""

    logprobs: Tensor
    """(n, S + 1, C) log-probabilities of the watched tokens, nats."""
    columns: Tensor
    """(n, 4, S + 1) entropies, divergences, margins, cosines."""
    norms: Tensor
    """(n, 2) of the gradient and of the state."""


def push(lens: Lens, states: Tensor, tokens: Tensor, answers: Tensor) -> Pushed:
    """Return what the head reads around its inputs.

    Args:
        lens: The model's head.
        states: (n, d) inputs of the head.
        tokens: (C,) watched tokens.
        answers: (n, C) which of them spell the answer.
    """
    parts: list[Pushed] = []
    start = 0
    for part in lens.chunks(states):
        own = answers[start : start + len(part)].to(part.device)
        parts.append(_push(lens, part, tokens.to(part.device), own))
        start += len(part)
    return Pushed(
        torch.cat([part.logprobs for part in parts]),
        torch.cat([part.columns for part in parts]),
        torch.cat([part.norms for part in parts]),
    )


def _push(lens: Lens, states: Tensor, tokens: Tensor, answers: Tensor) -> Pushed:
    gradient: Tensor = _gradient(lens, states, tokens, answers)
    norm: Tensor = gradient.norm(dim=-1, keepdim=True)
    direction = gradient / norm.clamp(min=torch.finfo(torch.float32).tiny)
    plain = states.float()
    first = torch.log_softmax(lens.logits(states), dim=-1)
    size: Tensor = plain.norm(dim=-1, keepdim=True)
    rows: list[Tensor] = []
    columns: list[Tensor] = []
    for radius in RADII:
        moved = plain + radius * direction
        logits = lens.logits(moved.to(states.dtype)) if radius else lens.logits(states)
        logprobs = torch.log_softmax(logits, dim=-1)
        rows.append(logprobs[:, tokens])
        gaps = torch.where(first.isneginf(), 0.0, first - logprobs)
        divergence = (first.exp() * gaps).sum(dim=-1).clamp(min=0.0)
        top = logits.topk(2, dim=-1).values
        cosine = torch.cosine_similarity(plain, moved, dim=-1)
        entropies = torch.special.entr(logprobs.exp()).sum(dim=-1)
        columns.append(torch.stack([entropies, divergence, top[:, 0] - top[:, 1], cosine], dim=1))
    return Pushed(
        torch.stack(rows, dim=1).cpu(),
        torch.stack(columns, dim=2).cpu(),
        torch.cat([norm, size], dim=1).cpu(),
    )


def _gradient(lens: Lens, states: Tensor, tokens: Tensor, answers: Tensor) -> Tensor:
    """Return the (n, d) gradients of -ln P(answer), float32, as autograd sees the head."""
    with torch.inference_mode(False), torch.enable_grad():
        inputs = states.clone().requires_grad_()
        logprobs = torch.log_softmax(lens.logits(inputs), dim=-1)[:, tokens.clone()]
        loss: Tensor = -torch.logsumexp(logprobs.masked_fill(~answers.clone(), -torch.inf), dim=-1)
        gradient: Tensor = torch.autograd.grad(loss.sum(), inputs)[0]
    return gradient.float()
