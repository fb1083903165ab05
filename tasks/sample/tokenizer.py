"""The embedded model's tokenizer: lossless, with few tokens for the texts that matter.

Each constant part of the packaged prompt templates is one token, as is each word of the world.
Option labels and digits are separate tokens. Everything else falls back to pieces and bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment, nodes
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from ..prompting import load_prompt, prompt_names

END, PAD = "<|end|>", "<|pad|>"
ROLES = ("system", "user", "assistant")
SPECIAL = (END, PAD, *(f"<|{role}|>" for role in ROLES))
PIECES = 512
"""Size of the fallback vocabulary: 256 bytes and pieces of common words."""
MODEL_MAX_LENGTH = 4096

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}"
    "<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

LATER = frozenset(
    {
        "lettered_system",
        *("self_among_samples", "self_before", "self_distribution", "self_each_option"),
        *("self_p_true_candidates", "self_two_step_0_10"),
    }
)
"""Prompts that came after the committed model was trained: no tokens of their own."""
_SPLITS = (
    r"\. [a-z]+\n",  # an option of one word, with the end of its line
    r" ?[A-Z](?![A-Za-z])",  # a label
    r" ?[0-9]",
    r" ?\p{L}+",
    r"\n\n|\n",
    r" ?\[\[|\]\]",
    r" ?[^\s\p{L}0-9]",
    r"\s",
)


def template_phrases() -> list[str]:
    """Return the constant parts of the packaged prompt templates."""
    environment = Environment(trim_blocks=True, autoescape=False)
    phrases: dict[str, None] = {}
    for name in prompt_names():
        if name in LATER:
            continue
        tree = environment.parse(load_prompt(name).source.rstrip("\n"))
        for node in tree.find_all(nodes.TemplateData):
            phrases.setdefault(node.data)
    return list(phrases)


def build_tokenizer(phrases: Iterable[str], texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Build a tokenizer in which each phrase, and each word of ``texts``, is one token."""
    constant = sorted({*template_phrases(), *phrases}, key=lambda text: (-len(text), text))
    constant = [text for text in constant if len(text) >= 5]
    plain = _splitter(_SPLITS)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = plain
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(template_phrases()), trainer)
    state = _model_state(tokenizer)
    vocab: dict[str, int] = dict(state["vocab"])
    splitter = _splitter((*map(_escape, constant), *_SPLITS))
    for text in [*_labels_and_digits(), *texts]:
        for piece, _ in splitter.pre_tokenize_str(text):
            vocab.setdefault(piece, len(vocab))
    merges = [tuple(merge) for merge in state["merges"]]
    whole = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=True))
    whole.pre_tokenizer = splitter
    whole.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=whole,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=list(SPECIAL[2:]),
        clean_up_tokenization_spaces=False,
        model_max_length=MODEL_MAX_LENGTH,
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
    )


def _model_state(tokenizer: Tokenizer) -> dict[str, Any]:
    import json

    state: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return state


def _splitter(patterns: Iterable[str]) -> Any:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("|".join(patterns)), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _escape(text: str) -> str:
    return re.escape(text).replace("\\\n", r"\n")


def _labels_and_digits() -> list[str]:
    characters = [chr(code) for code in range(ord("A"), ord("Z") + 1)] + list("0123456789")
    return [*characters, *(f" {character}" for character in characters)]
