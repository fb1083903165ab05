"""Batch sizes, from a model's shapes and the free memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch

from .states import Sizes

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

TOKENS_PER_PASS = {"cpu": 2048, "cuda": 32768}
"""Device type → tokens per forward pass; more would not be more efficient."""
ROWS_PER_DECODING = {"cpu": 128, "cuda": 512}
PASSES_PER_DECODING = 16
MOST_ROWS = 4096
SHARE_OF_FREE = 0.5
SMALLEST_PASS = 16


def free_bytes(device: torch.device) -> int | None:
    """Return the free memory of a device in bytes; None if the system does not report it."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    if device.type == "cpu":
        try:
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (ValueError, OSError, AttributeError):
            return None
    return None


def cache_bytes(model: PreTrainedModel) -> int:
    """Return the size of one token's KV cache in bytes."""
    config = _text_config(model)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * size * model.dtype.itemsize)


def pass_bytes(model: PreTrainedModel) -> int:
    """Return a token's bytes during a pass: its KV cache and one layer's activations."""
    config = _text_config(model)
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    return cache_bytes(model) + 4 * int(4 * inner + 12 * config.hidden_size)


def sizes_for_scoring(model: PreTrainedModel) -> Sizes:
    """Return the batch sizes for scoring: passes as large as is efficient, if they fit."""
    wanted = TOKENS_PER_PASS.get(model.device.type, TOKENS_PER_PASS["cuda"])
    free = free_bytes(model.device)
    if free is not None:
        wanted = max(SMALLEST_PASS, min(wanted, int(SHARE_OF_FREE * free) // pass_bytes(model)))
    return Sizes(wanted, wanted, MOST_ROWS)


def sizes_for_decoding(
    model: PreTrainedModel, copies: int, new_tokens: int, own: int = 0, held: int = 0
) -> Sizes:
    """Return the batch sizes for generation; the prompts of many passes are decoded together.

    Args:
        model: The model.
        copies: Rows per prompt.
        new_tokens: Maximum number of new tokens of each row.
        own: Tokens of a prompt, if every row holds its own copy.
        held: Bytes already allocated that will be reused.
    """
    tokens = sizes_for_scoring(model).tokens
    rows = ROWS_PER_DECODING.get(model.device.type, ROWS_PER_DECODING["cuda"])
    together = PASSES_PER_DECODING * tokens
    free = free_bytes(model.device)
    if free is not None:
        fitting = int(SHARE_OF_FREE * (free + held)) // cache_bytes(model)
        together = max(tokens, min(together, fitting // 2))
        rows = min(rows, fitting // 2 // max(1, new_tokens + own))
    return Sizes(tokens, together, max(1, rows // copies))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error reports that memory did not suffice, on a GPU or on the host."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _text_config(model: PreTrainedModel) -> PretrainedConfig:
    config = model.config
    return config.get_text_config() if hasattr(config, "get_text_config") else config
