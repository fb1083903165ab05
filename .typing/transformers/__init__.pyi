# The part of transformers that apprehend uses, for the type checker: its own annotations take
# minutes to read, and say Any of what a model is called with.
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypedDict

import torch
from torch import Tensor

class PretrainedConfig:
    # What most configurations have; others are asked for with getattr.
    _attn_implementation: str
    _commit_hash: str | None
    num_attention_heads: int
    num_hidden_layers: int
    hidden_size: int
    max_position_embeddings: int
    def get_text_config(self) -> PretrainedConfig: ...

class Cache:
    def batch_select_indices(self, indices: Tensor) -> None: ...

class GenerationConfig:
    do_sample: bool
    eos_token_id: int | list[int] | None

class CausalLMOutput:
    logits: Tensor
    past_key_values: Cache | None

class PreTrainedModel(torch.nn.Module):
    config: PretrainedConfig
    generation_config: GenerationConfig
    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype: ...
    def get_input_embeddings(self) -> torch.nn.Embedding: ...
    def get_output_embeddings(self) -> torch.nn.Linear: ...
    def set_attn_implementation(self, attn_implementation: str) -> None: ...
    def save_pretrained(self, save_directory: str | Path, **options: object) -> None: ...
    def num_parameters(self) -> int: ...
    def eval(self) -> Self: ...
    def generate(self, **inputs: object) -> Tensor: ...
    def __call__(self, **inputs: object) -> CausalLMOutput: ...

class BatchEncoding(TypedDict):
    input_ids: Any
    attention_mask: Any

class PreTrainedTokenizerBase:
    chat_template: str | None
    eos_token_id: int | list[int] | None
    pad_token_id: int
    bos_token: str | None
    bos_token_id: int | None
    added_tokens_decoder: Mapping[int, object]
    all_special_ids: Sequence[int]
    all_special_tokens: Sequence[str]
    def get_vocab(self) -> dict[str, int]: ...
    def decode(self, token_ids: object, skip_special_tokens: bool = ...) -> str: ...
    def batch_decode(self, sequences: object, skip_special_tokens: bool = ...) -> list[str]: ...
    def encode(self, text: str, add_special_tokens: bool = ...) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: str) -> int: ...
    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]: ...
    def tokenize(self, text: str) -> list[str]: ...
    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, str]],
        tokenize: bool = ...,
        add_generation_prompt: bool = ...,
        **template_args: object,
    ) -> str: ...
    def save_pretrained(self, save_directory: str | Path) -> object: ...
    def __call__(self, text: str | Sequence[str], **options: object) -> BatchEncoding: ...
    def __len__(self) -> int: ...

class PreTrainedTokenizerFast(PreTrainedTokenizerBase):
    def __init__(self, **arguments: object) -> None: ...

class AutoTokenizer:
    @classmethod
    def from_pretrained(cls, name: str | Path, **options: object) -> PreTrainedTokenizerBase: ...

class AutoModelForCausalLM:
    @classmethod
    def from_pretrained(cls, name: str | Path, **options: object) -> PreTrainedModel: ...

class LlamaConfig(PretrainedConfig):
    def __init__(self, **arguments: object) -> None: ...

class _Linear(torch.nn.Module):
    weight: Tensor
    bias: Tensor
    def __call__(self, input: Tensor) -> Tensor: ...

class _Attention:
    q_proj: _Linear
    k_proj: _Linear
    v_proj: _Linear
    o_proj: _Linear

class _MLP:
    down_proj: _Linear

class _Layer:
    self_attn: _Attention
    mlp: _MLP

class _Rotary:
    inv_freq: Tensor

class LlamaOutput:
    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...]

class LlamaModel(torch.nn.Module):
    layers: Sequence[_Layer]
    rotary_emb: _Rotary
    norm: _Linear
    def __call__(self, **inputs: object) -> LlamaOutput: ...

class LlamaForCausalLM(PreTrainedModel):
    model: LlamaModel
    lm_head: _Linear
    def __init__(self, config: LlamaConfig) -> None: ...

class AttentionInterface:
    @classmethod
    def register(cls, key: str, value: Callable[..., object]) -> None: ...
