"""Training of the embedded model on a stream of lessons."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from .lessons import Lesson, Teacher
from .tokenizer import END, MODEL_MAX_LENGTH, PAD

logger = logging.getLogger(__name__)

IGNORED = -100
INITIAL_RANGE = 0.08
LAYERS = 5
RECALL_LAYER, FETCH_LAYER = 2, 3
"""Layers after which a lesson's words (``recalled``, ``fetched``) should be represented."""
THOUGHT_WEIGHT = 0.5
COPY_SCALE = 0.4
POOL = 1000


@dataclass(frozen=True)
class Plan:
    """Duration and learning rate of the training."""

    steps: int = 1500
    tokens_per_step: int = 4000
    parts: int = 2
    """Batches per step; each has lessons of similar length, hence of few kinds."""
    peak_rate: float = 1.5e-3
    warmup: int = 100
    weight_decay: float = 0.05
    threads: int = 1
    """More threads add up in another order, and so give another model."""


@dataclass(frozen=True)
class Encoded:
    """A tokenized lesson."""

    ids: list[int]
    learnt: list[int]
    """For each position the next token to predict (``IGNORED``: none)."""
    thoughts: list[tuple[int, int, int]]
    """Words to represent: position, number of layers below, token."""


@dataclass(frozen=True)
class Batch:
    """A batch of lessons: ``ids`` and ``targets`` (lessons, length), ``thoughts`` (any, 4)."""

    ids: torch.Tensor
    targets: torch.Tensor
    thoughts: torch.Tensor
    """Rows of lesson, position, number of layers below, token."""


def new_model(tokenizer: PreTrainedTokenizerBase, seed: int) -> LlamaForCausalLM:
    """Create a Llama of about a million parameters with random weights."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=LAYERS,
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


def _join_word_forms(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give tokens of the same word (" seven", ". seven\\n") almost the same initial embedding."""
    weight = model.get_input_embeddings().weight
    first: dict[str, int] = {}
    for text, token in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        word = text.replace("Ġ", "").replace("Ċ", "").replace(".", "")
        if word.isascii() and word.isalnum():
            base = first.setdefault(word, token)
            if base != token:
                weight[token] = weight[base] + 0.2 * weight[token]


def _wire(model: LlamaForCausalLM) -> None:
    """Initialize some heads as the circuits that trained language models develop.

    One head of the first layer copies from the previous token, and one of each later layer from
    similar tokens: together they find an option's letter (an induction head). Training alone takes
    most of its time to find the pair, since neither helps without the other.
    """
    rotary = model.model.rotary_emb.inv_freq
    half = len(rotary)
    size = 2 * half
    directions, _ = torch.linalg.qr(torch.randn(model.config.hidden_size, size))
    for number, layer in enumerate(model.model.layers):
        attention = layer.self_attn
        for output in (attention.o_proj, layer.mlp.down_proj):
            output.weight.mul_(0.06)
        query, key = attention.q_proj, attention.k_proj
        if number == 0 or number >= RECALL_LAYER:
            attention.v_proj.weight[:size] = COPY_SCALE * directions.T
            attention.o_proj.weight[:, :size] = COPY_SCALE * directions
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


def encode(lessons: Sequence[Lesson], tokenizer: PreTrainedTokenizerBase) -> list[Encoded]:
    """Tokenize lessons, with the targets of each position."""
    segments = [segment for lesson in lessons for segment in lesson]
    words = [word for segment in segments for word in segment[2:] if word]
    texts = [segment.text for segment in segments] + words
    ids = iter(tokenizer(texts, add_special_tokens=False)["input_ids"])
    parts = [next(ids) for _ in segments]
    thoughts = {word: token for word, (token,) in zip(words, ids, strict=True)}
    remaining = iter(parts)
    return [_encode_one(lesson, remaining, thoughts) for lesson in lessons]


def _encode_one(lesson: Lesson, parts: Iterator[list[int]], word_tokens: dict[str, int]) -> Encoded:
    tokens: list[int] = []
    learnt: list[int] = []
    thoughts = []
    for segment in lesson:
        part = next(parts)
        tokens += part
        learnt += part if segment.learn else [IGNORED] * len(part)
        for word, layer in ((segment.recalled, RECALL_LAYER), (segment.fetched, FETCH_LAYER)):
            if word:
                thoughts.append((len(tokens) - 1, layer, word_tokens[word]))
    return Encoded(tokens[:-1], learnt[1:], thoughts)


def batches(
    teacher: Teacher, tokenizer: PreTrainedTokenizerBase, tokens: int, rng: random.Random
) -> Iterator[Batch]:
    """Yield batches of about ``tokens`` tokens, each of lessons of similar length."""
    while True:
        encoded = encode([teacher.lesson() for _ in range(POOL)], tokenizer)
        encoded.sort(key=lambda lesson: len(lesson.ids))
        groups: list[list[Encoded]] = [[]]
        for lesson in encoded:
            if (len(groups[-1]) + 1) * len(lesson.ids) > tokens:
                groups.append([])
            groups[-1].append(lesson)
        rng.shuffle(groups)
        yield from map(_batch, groups)


def _batch(group: Sequence[Encoded]) -> Batch:
    width = max(len(lesson.ids) for lesson in group)
    thoughts = [(row, *thought) for row, lesson in enumerate(group) for thought in lesson.thoughts]
    return Batch(
        torch.tensor([lesson.ids + [0] * (width - len(lesson.ids)) for lesson in group]),
        torch.tensor([lesson.learnt + [IGNORED] * (width - len(lesson.ids)) for lesson in group]),
        torch.tensor(thoughts, dtype=torch.long).reshape(-1, 4),
    )


def train(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    teacher: Teacher,
    plan: Plan,
    seed: int,
) -> None:
    """Train ``model`` in place; progress goes to the log."""
    torch.set_num_threads(plan.threads)
    optimizer = torch.optim.AdamW(
        _parameter_groups(model, plan.weight_decay), lr=plan.peak_rate, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, plan))
    size = plan.tokens_per_step // plan.parts
    stream = batches(teacher, tokenizer, size, random.Random(f"batches {seed}"))
    started, total = time.monotonic(), 0.0
    model.train()
    for step in range(1, plan.steps + 1):
        for _ in range(plan.parts):
            said, thought = _losses(model, next(stream))
            ((said + THOUGHT_WEIGHT * thought) / plan.parts).backward()  # type: ignore[no-untyped-call]
            total += said.item() / plan.parts
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
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


def _losses(model: LlamaForCausalLM, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the cross-entropies of the output, and of the words represented after some layers.

    Those words are decoded like the output: by the last norm and the output matrix (logit lens).
    """
    output = model.model(input_ids=batch.ids, use_cache=False, output_hidden_states=True)
    places = batch.targets != IGNORED
    said = cross_entropy(model.lm_head(output.last_hidden_state[places]), batch.targets[places])
    thought = torch.zeros(())
    for layer in (RECALL_LAYER, FETCH_LAYER):
        row, position, _, token = batch.thoughts[batch.thoughts[:, 2] == layer].T
        if len(row):
            hidden = model.model.norm(output.hidden_states[layer][row, position])
            thought = thought + cross_entropy(model.lm_head(hidden), token)
    return said, thought


def _rate(step: int, plan: Plan) -> float:
    if step < plan.warmup:
        return (step + 1) / plan.warmup
    done = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def _parameter_groups(model: LlamaForCausalLM, weight_decay: float) -> list[dict[str, object]]:
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
