"""Training the embedded model on a course of lessons."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from .lessons import Lesson, Teacher
from .tokenizer import END, MODEL_MAX_LENGTH, PAD

logger = logging.getLogger(__name__)

IGNORED = -100
INITIAL_RANGE = 0.08
POOL = 1000


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    steps: int = 2500
    tokens_per_step: int = 2400
    peak_rate: float = 1.5e-3
    warmup: int = 150
    weight_decay: float = 0.05
    threads: int = 2


Batch = tuple[torch.Tensor, torch.Tensor]
"""Token ids, and for each position the token to predict next (``IGNORED`` where none is learnt)."""


def new_model(tokenizer: Any, seed: int) -> Any:
    """A Llama of about a million parameters with random weights."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=MODEL_MAX_LENGTH,
        tie_word_embeddings=True,
        attention_bias=True,
        initializer_range=INITIAL_RANGE,
        bos_token_id=None,
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
    )
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        _join_word_forms(model, tokenizer)
        _wire(model)
    return model


def _join_word_forms(model: Any, tokenizer: Any) -> None:
    """Tokens of the same word (" seven", ". seven\\n") start with almost the same embedding."""
    weight = model.get_input_embeddings().weight
    first: dict[str, int] = {}
    for text, token in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        word = text.replace("Ġ", "").replace("Ċ", "").replace(".", "")
        if word.isascii() and word.isalnum():
            base = first.setdefault(word, token)
            if base != token:
                weight[token] = weight[base] + 0.2 * weight[token]


def _wire(model: Any) -> None:
    """Start some heads as the circuits that every trained language model grows.

    One head of the first layer looks at the token before, and one of each later layer at tokens
    like its own: an option's letter is found by both together. Left to itself, training needs most
    of its time to come upon the pair, since neither helps without the other.
    """
    rotary = model.model.rotary_emb.inv_freq
    half = len(rotary)
    size = 2 * half
    for number, layer in enumerate(model.model.layers):
        attention = layer.self_attn
        for output in (attention.o_proj, layer.mlp.down_proj):
            output.weight.mul_(0.06)
        query, key = attention.q_proj, attention.k_proj
        if number == 0:
            query.weight[:size] = key.weight[:size] = 0.0
            query.bias[:half] = 5.0
            key.bias[:half] = 5.0 * torch.cos(rotary)
            key.bias[half:size] = 5.0 * torch.sin(rotary)
            continue
        same = 0.12 * torch.randn_like(query.weight[:size])
        # fast rotations would make a match depend on the distance
        same[: half // 2] = same[half : half + half // 2] = 0.0
        query.weight[:size] = key.weight[:size] = same


def encode(lessons: Sequence[Lesson], tokenizer: Any) -> list[tuple[list[int], list[int]]]:
    """Token ids and next-token targets of each lesson."""
    segments = [segment for lesson in lessons for segment in lesson]
    ids = iter(tokenizer([text for text, _ in segments], add_special_tokens=False)["input_ids"])
    encoded = []
    for lesson in lessons:
        tokens: list[int] = []
        learnt: list[int] = []
        for _, learn in lesson:
            part = next(ids)
            tokens += part
            learnt += part if learn else [IGNORED] * len(part)
        encoded.append((tokens[:-1], learnt[1:]))
    return encoded


def batches(teacher: Teacher, tokenizer: Any, tokens: int, rng: random.Random) -> Iterator[Batch]:
    """Batches of about ``tokens`` tokens, each of lessons of similar length."""
    while True:
        encoded = encode([teacher.lesson() for _ in range(POOL)], tokenizer)
        encoded.sort(key=lambda pair: len(pair[0]))
        groups: list[list[tuple[list[int], list[int]]]] = [[]]
        for pair in encoded:
            if (len(groups[-1]) + 1) * len(pair[0]) > tokens:
                groups.append([])
            groups[-1].append(pair)
        rng.shuffle(groups)
        for group in groups:
            width = max(len(pair[0]) for pair in group)
            yield (
                torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in group]),
                torch.tensor([to + [IGNORED] * (width - len(to)) for _, to in group]),
            )


def train(model: Any, tokenizer: Any, teacher: Teacher, plan: Plan, seed: int) -> None:
    """Train ``model`` in place; progress goes to the log."""
    torch.set_num_threads(plan.threads)
    optimizer = torch.optim.AdamW(
        _parameter_groups(model, plan.weight_decay), lr=plan.peak_rate, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, plan))
    stream = batches(teacher, tokenizer, plan.tokens_per_step, random.Random(f"batches {seed}"))
    started, total = time.monotonic(), 0.0
    model.train()
    for step in range(1, plan.steps + 1):
        loss = _loss(model, next(stream))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.item()
        if step % 50 == 0 or step == plan.steps:
            seconds = time.monotonic() - started
            left = seconds / step * (plan.steps - step)
            logger.info(
                "step %d of %d, loss %.3f, %.0f s, %.0f s left",
                step,
                plan.steps,
                total / 50,
                seconds,
                left,
            )
            total = 0.0
    model.eval()


def _loss(model: Any, batch: Batch) -> torch.Tensor:
    ids, targets = batch
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    places = targets != IGNORED
    return cross_entropy(model.lm_head(hidden[places]), targets[places])


def _rate(step: int, plan: Plan) -> float:
    if step < plan.warmup:
        return (step + 1) / plan.warmup
    done = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def _parameter_groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
