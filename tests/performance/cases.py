"""What the benchmark runs on: small random models, and questions as long as MMLU-Pro's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from apprehend.benchmark.run.questions.own_facts import rotated
from apprehend.tasks.mmlu_pro import STYLES, choice_labels, render_system, render_user
from scipy.stats import norm

sys.path.insert(0, str(Path(__file__).parents[1]))

TOPIC = "physics"
LENGTHS = 24
"""Lengths of questions repeat after this many, so that any multiple of it is equally long."""
MODELS: dict[str, dict[str, Any]] = {
    "small": {
        "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 6,
        "num_attention_heads": 8, "num_key_value_heads": 4,
    },
    "100M": {
        "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12,
        "num_attention_heads": 12, "num_key_value_heads": 12,
    },
    "1.5B": {
        "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
        "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151_936,
        "tie_word_embeddings": True,
    },
}  # fmt: skip
VOCABULARY = 8192

Row = dict[str, Any]


@lru_cache(maxsize=1)
def words(count: int = 6000, seed: int = 0) -> list[str]:
    """Made-up words."""
    rng = np.random.default_rng(seed)
    starts = ["b", "br", "c", "d", "f", "g", "gr", "l", "m", "n", "p", "r", "s", "st", "t", "tr"]
    middles = ["a", "e", "i", "o", "u", "ai", "ea", "ou"]
    ends = ["", "n", "r", "l", "s", "nt", "st", "m"]
    made = []
    for _ in range(count):
        parts = [starts, middles] * int(rng.integers(1, 4)) + [ends]
        made.append("".join(part[int(rng.integers(len(part)))] for part in parts))
    return made


def questions(count: int, options: int = 10, seed: int = 1) -> list[Row]:
    """Questions of MMLU-Pro's lengths: stems of 163 characters at the median, 265 in the mean;
    ten options of 205 and 349 together."""
    rng = np.random.default_rng(seed)
    vocabulary = words()
    normal = norm.ppf((np.arange(LENGTHS) + 0.5) / LENGTHS)
    stems = np.exp(np.log(163) + 0.98 * normal)
    lists = np.exp(np.log(205) + 1.03 * np.random.default_rng(0).permutation(normal)) / 10

    def text(size: float) -> str:
        found = vocabulary[int(rng.integers(len(vocabulary)))]
        while len(found) < size:
            found += " " + vocabulary[int(rng.integers(len(vocabulary)))]
        return found

    made = []
    for number in range(count):
        gold = int(rng.integers(options))
        made.append(
            {
                "question_id": number,
                "question": text(stems[number % LENGTHS]).capitalize() + "?",
                "options": [text(lists[number % LENGTHS]) for _ in range(options)],
                "answer": "ABCDEFGHIJ"[gold],
                "answer_index": gold,
                "category": TOPIC,
            }
        )
    return made


def contexts(rows: Sequence[Row], shots: int, group: str = "mmlu_pro_direct") -> list[str]:
    """Prompts as the task makes them, with the same examples for all."""
    style = STYLES[group]
    head = render_system(TOPIC, style) + "\n\n"
    for example in questions(5, seed=2)[:shots]:
        head += f"{render_user(example, style)} {example['answer']}\n\n"
    return [head + render_user(row, style) for row in rows]


def turned(rows: Sequence[Row]) -> list[Row]:
    """Every cyclic option order of every question."""
    return [rotated(row, shift) for row in rows for shift in range(len(row["options"]))]


def labels(row: Row) -> tuple[str, ...]:
    """What follows the prompt for each option."""
    return tuple(f" {label}" for label in choice_labels(row, STYLES["mmlu_pro_direct"]))


def make_model(folder: Path, name: str) -> Path:
    """Write a random model of the given size, with a tokenizer trained on the questions.

    ``1.5B`` is a Qwen2 with the shapes of Qwen2.5-1.5B, the others are Llamas.
    """
    import torch
    from models import CHAT_TEMPLATE
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = contexts(questions(100, seed=3), 0) + contexts(questions(9, seed=4), 0, "mmlu_pro_cot")
    tokenizer.train_from_iterator([*texts, *words()], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    fast.chat_template = CHAT_TEMPLATE
    torch.manual_seed(0)
    shapes = {
        "vocab_size": VOCABULARY, "max_position_embeddings": 8192,
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, **MODELS[name],
    }  # fmt: skip
    model: Any
    if name == "1.5B":
        model = Qwen2ForCausalLM(Qwen2Config(**shapes)).bfloat16()
    else:
        model = LlamaForCausalLM(LlamaConfig(**shapes))
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder
