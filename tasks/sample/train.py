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


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    steps: int = 1400
    tokens_per_step: int = 5600
    peak_rate: float = 4e-3
    warmup: int = 60
    weight_decay: float = 0.05
    threads: int = 2


Batch = tuple[torch.Tensor, torch.Tensor]
"""Token ids, and for each position the token to predict next (``IGNORED`` where none is learnt)."""


def new_model(tokenizer: Any, seed: int) -> Any:
    """A Llama of about a million parameters with random weights."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=MODEL_MAX_LENGTH,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
    )
    return LlamaForCausalLM(config)


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
        encoded = encode([teacher.lesson() for _ in range(2400)], tokenizer)
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
