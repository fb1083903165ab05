"""Continuous batching and forced answers of the hf engine, against plain transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from apprehend.benchmark.engines.hf.forward import Forward
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.shared.engine import Extras, Forcing, Generation, Sampling
from apprehend.benchmark.engines.shared.loops import COVERED, loop_start
from models import configs, make_model

SHOTS = "Question: which of these is a number?\nOptions: A. the B. two\nAnswer: B\n\n" * 2
PROMPTS = [
    f"{SHOTS if number % 3 else ''}Question: what is {'step by ' * (number % 5)}{number}?\nAnswer:"
    for number in range(14)
]
LIMIT = 24


class Watched:
    """Notes what a generation tells of itself."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.tokens = 0

    def finished(self, prompt: int, generations: Sequence[Generation]) -> None:
        self.order.append(prompt)

    def progress(self, tokens: int) -> None:
        self.tokens += tokens


@pytest.fixture(scope="module", params=sorted(configs()))
def folder(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "m", request.param, bos=True)


def rooms(engine: HFEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the prompts different numbers of tokens to generate, so that they end one by one."""
    ends = {len(engine.encode(p)) for p in PROMPTS}
    assert len(ends) > 3
    longest = max(ends)
    monkeypatch.setattr(type(engine), "context_length", property(lambda _: longest + LIMIT))


def plainly(engine: HFEngine, prompt: str, most: int) -> tuple[list[int], list[float]]:
    """Greedy tokens and their entropies by transformers' own forward pass, one prompt alone."""
    ids = engine.encode(prompt)
    made: list[int] = []
    entropies: list[float] = []
    while len(made) < most:
        with torch.inference_mode():
            logits = engine.model(torch.tensor([[*ids, *made]])).logits[0, -1].double()
        logprobs = torch.log_softmax(logits, dim=-1)
        token = int(logprobs.argmax())
        if token in engine._writer.end_ids:
            break
        made.append(token)
        entropies.append(float(-(logprobs.exp() * logprobs).sum()))
    return made, entropies


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_refilled_places_write_what_transformers_does(
    folder: Path, batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = HFEngine({"pretrained": str(folder)}, batch_size, "cpu")
    assert engine._forward.sharing
    rooms(engine, monkeypatch)
    decoded: list[int] = []
    real = Forward.decode_call

    def decode_call(self: Forward, decoding: Any, tokens: Any) -> Any:
        decoded.append(len(decoding.live))
        return real(self, decoding, tokens)

    monkeypatch.setattr(Forward, "decode_call", decode_call)
    watch = Watched()
    written = engine.generate(PROMPTS, LIMIT + 40, extras=Extras(watch=watch))
    lengths = []
    for prompt, generation in zip(PROMPTS, written, strict=True):
        room = engine.context_length - len(engine.encode(prompt))
        ids, entropies = plainly(engine, prompt, min(room, LIMIT + 40))
        assert generation.text == engine.tokenizer.decode(ids, skip_special_tokens=True)
        np.testing.assert_allclose(generation.token_entropies, entropies, atol=1e-4)
        lengths.append(len(ids))
    assert sorted(watch.order) == list(range(len(PROMPTS)))
    assert watch.tokens >= sum(lengths)
    assert max(decoded) <= batch_size
    if batch_size == 3:
        # Freed places are filled at once: no more steps than a greedy schedule over them takes.
        full = sum(count == batch_size for count in decoded)
        assert full >= len(decoded) - max(lengths)
        assert watch.order != sorted(watch.order, key=lambda prompt: prompt // batch_size)


@pytest.mark.parametrize("batch_size", [2, "auto"])
def test_samples_do_not_depend_on_their_batch(
    folder: Path, batch_size: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = HFEngine({"pretrained": str(folder)}, batch_size, "cpu")
    rooms(engine, monkeypatch)
    seeds = [[10 * row + draw for draw in range(1 + row % 3)] for row in range(len(PROMPTS))]
    together = engine.generate(PROMPTS, LIMIT, ["e"], Sampling(1.0, seeds))
    alone = [
        generation
        for prompt, own in zip(PROMPTS, seeds, strict=True)
        for generation in engine.generate([prompt], LIMIT, ["e"], Sampling(1.0, [own]))
    ]
    assert [g.text for g in together] == [g.text for g in alone]


def forcing(prompt: str) -> Forcing:
    del prompt
    return Forcing(
        lambda text: sorted({0, len(text) // 2, len(text)}),
        lambda text: " The answer is [[",
        ("A", "B", "10", "1"),
    )


def kept_and_appended(engine: HFEngine, ids: list[int], begun: str) -> tuple[list[int], list[int]]:
    """The tokens of a text's beginning, and those of the cue, by trying every number of tokens.

    A token that the beginning divides is spelled anew, before the cue.
    """
    spelled = [
        engine.tokenizer.decode(ids[:count], skip_special_tokens=True)
        for count in range(len(ids) + 1)
    ]
    kept = next(count for count, text in enumerate(spelled) if len(text) >= len(begun))
    if len(spelled[kept]) > len(begun):
        kept -= 1
    rest = begun[len(spelled[kept]) :]
    return ids[:kept], engine._writer.forcer.tokens(rest + " The answer is [[")


def forced_plainly(engine: HFEngine, prompt: str, generation: Generation, ids: list[int]) -> int:
    """Compare the forced answers with plain passes; gives the number of tokens appended."""
    cue = engine._writer.forcer.tokens(" The answer is [[")
    assert engine.tokenizer.decode(cue) == " The answer is [["
    line = "x The answer is [["
    labels = engine._labels.read(line, engine.encode(line), ("A", "B", "10", "1"))[:2]
    text = generation.text
    assert [forced.point for forced in generation.forced][-1] == (1.0 if text else 0.0)
    count = 0
    for forced in generation.forced:
        begun = text[: round(forced.point * len(text))]
        kept, appended = kept_and_appended(engine, ids, begun)
        count += len(appended)
        before = [*engine.encode(prompt), *kept, *appended]
        logprobs = after(engine, before)
        entropy = float(-(logprobs.exp() * logprobs).sum())
        assert forced.answer.entropy == pytest.approx(entropy, abs=1e-4)
        for place, label in enumerate(labels):
            ways = [along(engine, before, path) for path in label.variants]
            expected = float(np.logaddexp.reduce(ways))
            found = forced.answer.label_logprobs[place]
            assert found == pytest.approx(expected, abs=1e-4, rel=1e-4)
            scored = float(logprobs[label.requested[0]])
            found = forced.answer.scored_logprobs[place]
            assert found == pytest.approx(scored, abs=1e-4, rel=1e-4)
    return count


def after(engine: HFEngine, ids: list[int]) -> torch.Tensor:
    """(V,) log-probabilities after ``ids``, by transformers' own forward pass."""
    with torch.inference_mode():
        logits = engine.model(torch.tensor([ids])).logits[0, -1].double()
    return torch.log_softmax(logits, dim=-1)


def along(engine: HFEngine, ids: list[int], path: Sequence[int]) -> float:
    return sum(float(after(engine, [*ids, *path[:size]])[token]) for size, token in enumerate(path))


@pytest.mark.parametrize("until", [(), ("e",)])
@pytest.mark.parametrize("sharing", [True, False])
def test_forced_answers_equal_transformers(
    folder: Path, sharing: bool, until: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = HFEngine({"pretrained": str(folder)}, 3, "cpu")
    engine._forward.sharing = sharing
    rooms(engine, monkeypatch)
    asked = PROMPTS[:7]
    plain = engine.generate(asked, LIMIT, until)
    tokens: list[int] = []
    real = Forward.tree_call

    def tree_call(self: Forward, tree: Any, ids: Any, *more: Any) -> Any:
        tokens.append(len(ids))
        return real(self, tree, ids, *more)

    engine._forward._trunk = None
    monkeypatch.setattr(Forward, "tree_call", tree_call)
    extras = Extras(forcings=[forcing(prompt) for prompt in asked])
    written = engine.generate(asked, LIMIT, until, extras=extras)
    monkeypatch.undo()
    rooms(engine, monkeypatch)
    appended = 0
    for prompt, generation, before in zip(asked, written, plain, strict=True):
        assert generation.text == before.text
        np.testing.assert_allclose(generation.token_entropies, before.token_entropies, atol=1e-4)
        room = engine.context_length - len(engine.encode(prompt))
        ids, _ = plainly(engine, prompt, min(room, LIMIT))
        appended += forced_plainly(
            engine, prompt, generation, ids[: len(generation.token_logprobs)]
        )
    if sharing:  # the texts are in the cache: besides prompts, only cues go through the model
        prompts = sum(len(engine.encode(prompt)) for prompt in asked)
        labels = 2 * 3 * len(asked)  # the first token of "10", and a last token not yet in it
        assert sum(tokens) <= prompts + appended + labels


def test_loops_are_found_where_they_begin() -> None:
    gram = [3, 1, 4, 1, 5]
    begin = [9, 9, 2]
    long = begin + gram * 60
    assert loop_start(long) == len(begin)
    assert loop_start(long[: len(begin) + COVERED]) == len(begin)
    assert loop_start(long[: len(begin) + COVERED - 1]) in (-1, len(begin) - 1)
    assert loop_start([*long, 7]) == -1
    assert loop_start(list(range(COVERED * 2))) == -1
    assert loop_start([1] * COVERED) == 0
    half = list(range(COVERED // 2))
    assert loop_start(half * 2) == 0
    assert loop_start(list(range(COVERED // 2 + 1)) * 2) == -1


def test_loops_are_cut_on_request(tmp_path: Path) -> None:
    engine = HFEngine({"pretrained": str(make_model(tmp_path / "m", "llama"))}, 4, "cpu")
    with torch.no_grad():  # whatever the context, the same token follows
        engine.model.lm_head.weight.zero_()
        engine.model.lm_head.weight[65] = engine.model.model.norm.weight.sign()
        engine.model.model.norm.weight.zero_()
    whole = engine.generate(PROMPTS[:2], 400)
    cut = engine.generate(PROMPTS[:2], 400, extras=Extras(stop_loops=True))
    for long, short in zip(whole, cut, strict=True):
        assert long.loop_start == short.loop_start == 0
        assert len(long.token_logprobs) == 400
        assert len(short.token_logprobs) == COVERED
        assert not short.finished


def test_the_plan_measures_a_few_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = HFEngine({"pretrained": str(make_model(tmp_path / "m", "llama"))}, "auto", "cpu")
    tokens: list[int] = []
    real = Forward.tree_call

    def tree_call(self: Forward, tree: Any, ids: Any, *more: Any) -> Any:
        tokens.append(len(ids))
        return real(self, tree, ids, *more)

    monkeypatch.setattr(Forward, "tree_call", tree_call)
    prefilled, decoded = engine.speeds()
    assert prefilled > 0
    assert decoded > 0
    assert sum(tokens) <= 512
