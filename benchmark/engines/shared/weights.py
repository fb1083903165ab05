"""Fingerprints of loaded models."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def fingerprint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash a sample of every weight, and the vocabulary: cheap, and sensitive to any change."""
    digest = hashlib.sha256()
    weights: dict[str, torch.Tensor] = model.state_dict()
    for name, weight in sorted(weights.items()):
        flat = weight.detach().reshape(-1)
        step = max(1, len(flat) // 64)
        digest.update(f"{name}{tuple(weight.shape)}".encode())
        digest.update(flat[::step].float().cpu().numpy().tobytes())
    for token, index in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        digest.update(f"{index}:{token}\n".encode())
    return digest.hexdigest()[:32]
