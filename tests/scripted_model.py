"""Small real models that write a known text: each token's only likely successor is the next one.

Attention and feed-forward layers add nothing, embeddings are unit vectors, and the head maps each
token to its successor. So the real engine decodes a text of which every token is known, which
random weights cannot give: thoughts, marks and answers where a test wants them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import make_tokenizer

LOGIT = 12.0
"""Of the successor; all other tokens have 0."""

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
)
QWEN3 = (
    CHATML + "{% if enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""Thinks unless told otherwise: then its prompt holds an empty thought."""
R1 = CHATML + "<think>\n{% endif %}{# leaves out <think>…</think> of earlier turns #}"
"""Opens the thought in the prompt."""
MAGISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST]{{ m['content'] }}"
    "[/INST]{% else %}[SYSTEM_PROMPT]{{ m['content'] }} Think inside [THINK]…[/THINK]."
    "[/SYSTEM_PROMPT]{% endif %}{% endfor %}"
)
HARMONY = (
    "<|start|>system<|message|>Reasoning: {{ reasoning_effort | default('medium') }}<|end|>"
    "{% for m in messages %}<|start|>{{ m['role'] }}<|message|>{{ m['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}"
    "{# the model goes on with <|channel|>analysis #}"
)
GEMMA2 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}{% for m in messages %}"
    "<start_of_turn>{{ m['role'] }}\n{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def write_model(
    folder: Path,
    last: str,
    pieces: Sequence[str],
    template: str,
    special: Sequence[str] = (),
    bos: bool = False,
) -> Path:
    """Write a model that continues any prompt ending in ``last`` with these pieces, then ends.

    Args:
        folder: Where to write it.
        last: The last token of its prompts.
        pieces: The tokens of the text, all different; each becomes a token of its own.
        template: The chat template.
        special: Those of the pieces and marks that are special tokens of the tokenizer.
        bos: Whether the tokenizer begins prompts with ``<s>``.
    """
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    assert len({last, *pieces}) == len(pieces) + 1
    tokenizer: Any = make_tokenizer(bos)
    tokenizer.add_tokens(list(special), special_tokens=True)
    tokenizer.add_tokens([piece for piece in (last, *pieces) if piece not in special])
    tokenizer.chat_template = template
    count = len(tokenizer)
    size = -(-count // 8) * 8
    config = LlamaConfig(
        vocab_size=count,
        hidden_size=size,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,  # one that vLLM knows
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        rms_norm_eps=1e-12,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model: Any = AutoModelForCausalLM.from_config(config)
    chain = [*tokenizer.convert_tokens_to_ids([last, *pieces]), tokenizer.eos_token_id]
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(count, size))
        for token, successor in itertools.pairwise(chain):
            model.lm_head.weight[successor, token] = LOGIT / size**0.5
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
