"""Load a transformers model through lm-eval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...console.errors import ApprehendError, UsageError, first_line
from ..shared.weights import fingerprint

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


def identity_of(
    name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> dict[str, object]:
    """Return what determines a model's results, as `Engine.identity`."""
    return {
        "engine": "hf",
        "pretrained": name,
        "revision": getattr(model.config, "_commit_hash", None),
        "architecture": type(model).__name__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "fingerprint": fingerprint(model, tokenizer),
    }
