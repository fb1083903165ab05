"""Attention of queries to one part of their keys, with the log-sum-exps that merge the parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_QUERIES_PER_BLOCK = 256


@dataclass(frozen=True)
class How:
    """A layer's scale, sliding window (in tokens) and cap on the scores, if it has them."""

    scale: float
    window: int | None = None
    softcap: float | None = None


def merge(out: Tensor, sums: Tensor, more: Tensor, more_sums: Tensor) -> None:
    """Merge another part into the attention so far, in place.

    Args:
        out: (B, heads, L, d) normalized outputs so far, float32; updated.
        sums: (B, heads, L) their log-sum-exps; updated.
        more: (B, heads, L, d) normalized outputs of the part.
        more_sums: (B, heads, L) their log-sum-exps.
    """
    total = torch.logaddexp(sums, more_sums)
    out.mul_((sums - total).exp_().unsqueeze(-1))
    out.addcmul_(more.float(), (more_sums - total).exp_().unsqueeze(-1))
    sums.copy_(total)


def causal_part(query: Tensor, key: Tensor, value: Tensor, how: How) -> tuple[Tensor, Tensor]:
    """Compute the attention of tokens to themselves and to earlier ones; returns as `part_of`."""
    length = query.shape[2]
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    if how.window is not None and length > how.window:
        places = torch.arange(length)
        near = places > places[:, None] - how.window
        return _attention(query, key, value, how, near & (places <= places[:, None]), False)
    return _attention(query, key, value, how, None, length > 1)


def part_of(
    query: Tensor, key: Tensor, value: Tensor, how: How, visible: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Compute the attention of queries to one part of their keys.

    Args:
        query: (B, heads, L, d).
        key: (B, key heads, T, d).
        value: (B, key heads, T, d).
        how: The layer's scale, window and cap.
        visible: (B or absent, L or 1, T) which keys each query sees; None for all.

    Returns the outputs (B, heads, L, d) and their log-sum-exps (B, heads, L). A query without a
    visible key gets a log-sum-exp so low that `merge` gives the part no weight.
    """
    batch, heads, length = query.shape[:3]
    shape = (batch, key.shape[1], -1, query.shape[-1])
    groups = heads // key.shape[1]
    if groups > 1 and visible is not None and visible.shape[-2] > 1:
        visible = visible.repeat(*([1] * (visible.dim() - 2)), groups, 1)
    # The heads that share a key head are treated as more queries of it, so no key is repeated.
    out, sums = _attention(query.reshape(shape), key, value, how, visible, False)
    return out.reshape(batch, heads, length, -1), sums.reshape(batch, heads, length)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, how: How, visible: Tensor | None, causal: bool
) -> tuple[Tensor, Tensor]:
    mask = None if visible is None else _additive(visible.to(query.device), query.dtype)
    kernel = _kernel(query, value, how, mask)
    if kernel is not None:
        return kernel(query, key, value, how.scale, causal, mask)
    blocks = [
        _by_matmul(query, key, value, how, mask, causal, start)
        for start in range(0, query.shape[2], _QUERIES_PER_BLOCK)
    ]
    return torch.cat([out for out, _ in blocks], dim=2), torch.cat([s for _, s in blocks], dim=2)


def _additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """Return an additive mask (B or 1, 1, L or 1, T): 0 for visible keys.

    Other keys get a finite value far below any score, so that a row without visible keys still
    has a log-sum-exp.
    """
    mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    mask.masked_fill_(~visible, torch.finfo(dtype).min / 2)
    return mask[None, None] if mask.dim() == 2 else mask[:, None]


Kernel = Callable[..., tuple[Tensor, Tensor]]


def _kernel(query: Tensor, value: Tensor, how: How, mask: Tensor | None) -> Kernel | None:
    """Return a fused kernel for this case that also returns log-sum-exps; None if there is none."""
    if how.softcap is not None or query.shape[-1] != value.shape[-1]:
        return None
    if query.device.type == "cpu":
        return _cpu_kernel
    half = query.dtype in (torch.float16, torch.bfloat16)
    if query.device.type == "cuda" and half and mask is None and query.shape[-1] <= 256:
        return _cuda_kernel
    return None


def _cpu_kernel(
    query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    if mask is not None:
        mask = mask.expand(query.shape[0], 1, query.shape[2], key.shape[2])
    result: tuple[Tensor, Tensor] = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, causal, attn_mask=mask, scale=scale
    )
    return result


def _cuda_kernel(
    query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool, _: Tensor | None
) -> tuple[Tensor, Tensor]:
    result = torch.ops.aten._scaled_dot_product_flash_attention(
        query, key, value, 0.0, causal, False, scale=scale
    )
    return result[0], result[1]


def _by_matmul(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    how: How,
    mask: Tensor | None,
    causal: bool,
    start: int,
) -> tuple[Tensor, Tensor]:
    """Compute a block of queries by matrix multiplication, with scores in float32."""
    block = query[:, :, start : start + _QUERIES_PER_BLOCK]
    scores = (block @ key.transpose(-1, -2)).float() * how.scale
    if how.softcap is not None:
        scores = torch.tanh(scores / how.softcap) * how.softcap
    if mask is not None:
        scores = scores + (
            mask if mask.shape[2] == 1 else mask[:, :, start : start + block.shape[2]]
        )
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(
            start + 1
        )
        scores = scores.masked_fill(later, -math.inf)
    sums = torch.logsumexp(scores, dim=-1)
    return (scores - sums.unsqueeze(-1)).exp().to(value.dtype) @ value, sums
