"""What a model's configuration says of its attention: windows, and positions that change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .attention import UnsupportedModelError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


def _text_config(config: PretrainedConfig) -> PretrainedConfig:
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def fixed_positions(config: PretrainedConfig) -> int:
    """Up to this length a token's position encoding does not depend on what it is batched with."""
    text = _text_config(config)
    rope = getattr(text, "rope_parameters", None) or getattr(text, "rope_scaling", None) or {}
    kinds = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    if not any(kind.get("rope_type") in ("dynamic", "longrope") for kind in kinds):
        return 2**31
    original = [kind.get("original_max_position_embeddings") for kind in kinds]
    original.append(getattr(text, "original_max_position_embeddings", None))
    return min([int(value) for value in original if value] or [int(text.max_position_embeddings)])


def check_windows(config: PretrainedConfig, windows: Mapping[int, int | None]) -> None:
    """Raise UnsupportedModelError where a layer's window did not reach its attention."""
    if not windows:
        raise UnsupportedModelError("its attention is not one that transformers can replace")
    text = _text_config(config)
    kinds = getattr(text, "layer_types", None) or []
    for layer, kind in enumerate(kinds):
        if kind not in ("full_attention", "sliding_attention"):
            raise UnsupportedModelError(f"it has {kind} layers")
        if kind == "sliding_attention" and not windows.get(layer):
            raise UnsupportedModelError("its windows are not known to its attention")
    window = getattr(text, "sliding_window", None)
    if not kinds and window and not any(windows.values()):
        raise UnsupportedModelError("its window is not known to its attention")
    if getattr(text, "attention_chunk_size", None) and not kinds:
        raise UnsupportedModelError("it attends in chunks")


def keep_softcap(model: PreTrainedModel) -> None:
    """Switch to eager attention if the model's attention would silently drop its soft cap.

    Gemma-2 caps its attention scores, which PyTorch's fused kernel cannot; transformers before 5.21
    uses that kernel all the same.
    """
    capped = getattr(_text_config(model.config), "attn_logit_softcapping", None)
    if capped and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation("eager")
