"""The embedded model as a GGUF file, which llama.cpp reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LAYER = {
    "input_layernorm.weight": "attn_norm.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight",
    "self_attn.o_proj.bias": "attn_output.bias",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
}
WORD = re.compile(r" ?[^\W\d_]+")


def write_gguf(model: Path, file: Path) -> Path:
    """Write the Llama checkpoint and tokenizer of a folder into ``file``."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((model / "config.json").read_text())
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokenizer(writer, gguf, model, config)
    for name, tensor in load_file(model / "model.safetensors").items():
        heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
        own = next((config[key] for part, key in heads.items() if part in name), None)
        value = tensor.astype(np.float32)
        writer.add_tensor(_name(name), value if own is None else _paired(value, own))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _name(name: str) -> str:
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{LAYER[rest]}"


def _paired(value: Array, heads: int) -> Array:
    """Rows of each head in the order of llama.cpp, which rotates neighbors and not halves."""
    parts = value.reshape(heads, 2, -1, *value.shape[1:])
    return np.ascontiguousarray(parts.swapaxes(1, 2).reshape(value.shape))


def _add_tokenizer(writer: Any, gguf: Any, model: Path, config: dict[str, Any]) -> None:
    """llama.cpp finds words by its own rules, and tokens that are more than a word first."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    state = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    special = {token["content"] for token in state["added_tokens"]}
    texts, kinds = [], []
    for index in range(config["vocab_size"]):
        own = tokenizer.convert_ids_to_tokens(index)
        text = tokenizer.decode([index])
        if own in special:
            texts.append(own)
            kinds.append(gguf.TokenType.CONTROL)
        elif len(own) == 1 or WORD.fullmatch(text):
            texts.append(own)
            kinds.append(gguf.TokenType.NORMAL)
        else:
            texts.append(text)
            kinds.append(gguf.TokenType.USER_DEFINED)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    merges = state["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)
