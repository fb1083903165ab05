"""Load a transformers model through lm-eval, and identify it by its weights."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

from ...console.errors import ApprehendError, UsageError, first_line

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def whole_number_of(batch_size: str | int) -> int:
    try:
        number = int(batch_size)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"--batch_size: expected auto or a whole number, got {batch_size!r}")
    return number


def load(arguments: dict[str, object], device: str | None) -> HFLM:
    from lm_eval.models.huggingface import HFLM

    if "gguf_file" not in arguments:
        arguments.setdefault("use_safetensors", True)  # other formats are pickles
    arguments.setdefault("device", device or ("cuda" if torch.cuda.is_available() else "cpu"))
    try:
        return HFLM(**arguments)
    except TypeError as error:
        raise UsageError(f"--model_args: {error}") from error
    except Exception as error:
        problem = f"cannot load model {arguments['pretrained']}: {first_line(error)}"
        raise ApprehendError(problem) from error


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
