"""Small random models of real architectures, with a real byte-level tokenizer, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = (
    "Question: Options: Answer: Reasoning: The next question is about history law physics. Reply "
    "with the letter of the one correct option, and with nothing else. step by step number square "
    "brackets double form which what how many is are of the in a an to and or not"
)
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}


def make_tokenizer(bos: bool = False) -> Any:
    """A byte-level BPE tokenizer of about 500 tokens, made from a few words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
    letters = " ".join(
        ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([WORDS * 3, letters * 3], trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def configs() -> dict[str, Any]:
    """Architecture → small configuration of it."""
    from transformers import (
        Gemma2Config,
        Gemma3TextConfig,
        GemmaConfig,
        LlamaConfig,
        MistralConfig,
        Phi3Config,
        Qwen2Config,
    )

    return {
        "llama": LlamaConfig(**SMALL),
        "qwen2": Qwen2Config(**SMALL),
        "mistral": MistralConfig(**SMALL, sliding_window=32),
        "phi3": Phi3Config(**SMALL, pad_token_id=1, bos_token_id=0, eos_token_id=1),
        "gemma": GemmaConfig(**SMALL, head_dim=8),
        "gemma2": Gemma2Config(**SMALL, head_dim=8, sliding_window=32),
        "gemma3": Gemma3TextConfig(**SMALL, head_dim=8, sliding_window=32),
    }


def make_model(folder: Path, architecture: str, seed: int = 0, bos: bool = False) -> Path:
    """Write a random model and its tokenizer into ``folder``; gives the folder."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    tokenizer = make_tokenizer(bos)
    config = configs()[architecture]
    config.vocab_size = len(tokenizer)
    config.eos_token_id = tokenizer.eos_token_id
    config.bos_token_id = tokenizer.bos_token_id
    config.pad_token_id = tokenizer.pad_token_id
    config.initializer_range = 0.3
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
