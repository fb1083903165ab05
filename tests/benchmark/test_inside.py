"""What is shown of a model's inside, against plain transformers, autograd and numpy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import models
import numpy as np
import pandas as pd
import pytest
import torch
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.hf.inside.state_pushing import RADII
from apprehend.benchmark.engines.shared.engine import Answer, ChoicePrompt
from apprehend.benchmark.engines.shared.inside import Inside
from helpers import Run, rows

LABELS = (" A", " B", " C", " D")
PROMPTS = [
    ChoicePrompt(f"Question: how many of the {word} are a number? Options: Answer:", LABELS, 4)
    for word in ("letters", "squares", "brackets")
]
NORMS = {"llama": "norm", "qwen2": "norm", "phi3": "norm", "gemma2": "norm", "gemma3": "norm"}


@pytest.fixture(scope="module", params=sorted(NORMS))
def engine(request: Any, tmp_path_factory: pytest.TempPathFactory) -> HFEngine:
    folder = models.make_model(tmp_path_factory.mktemp(request.param), request.param)
    return HFEngine({"pretrained": str(folder), "dtype": "float32"}, device="cpu")


def tail(engine: HFEngine, logits: torch.Tensor) -> torch.Tensor:
    cap = getattr(engine.model.config, "final_logit_softcapping", None)
    return torch.tanh(logits / cap) * cap if cap else logits


def label_ids(engine: HFEngine, label: str) -> list[int]:
    """The single tokens of a label, with or without a space."""
    found = {tuple(engine.tokenizer.encode(text)) for text in (label, label.strip())}
    return [ids[0] for ids in found if len(ids) == 1]


def merged(engine: HFEngine, logprobs: torch.Tensor) -> list[float]:
    return [float(torch.logsumexp(logprobs[label_ids(engine, label)], dim=0)) for label in LABELS]


def test_layers_equal_the_head_on_plain_hidden_states(engine: HFEngine) -> None:
    answers = engine.score(PROMPTS, show={Inside.LAYERS})
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        seen: list[torch.Tensor] = []
        hooks = [
            layer.mlp.register_forward_hook(lambda _m, _i, out, kept=seen: kept.append(out[0, -1]))
            for layer in engine.model.model.layers
        ]
        with torch.no_grad():
            ids = torch.tensor([engine.encode(prompt.context)])
            out = engine.model(ids, output_hidden_states=True, use_cache=False)
            plain = [
                tail(engine, engine.model.lm_head(engine.model.model.norm(h[0, -1])))
                for h in out.hidden_states[1:-1]
            ]
        for hook in hooks:
            hook.remove()
        expected = [
            merged(engine, torch.log_softmax(z.float(), dim=-1))
            for z in [*plain, out.logits[0, -1]]
        ]
        layers = answer.inside.layers
        assert layers is not None
        np.testing.assert_allclose(layers.label_logprobs, expected, atol=1e-4)
        # Labels that are spelled in two tokens (a space, "A") count in the answer alone.
        np.testing.assert_allclose(layers.label_logprobs[-1], answer.label_logprobs, atol=0.02)
        u = np.array([step.numpy() for step in seen])
        s = np.cumsum(u, axis=0)
        np.testing.assert_allclose(layers.update_norms, np.linalg.norm(u, axis=1), rtol=1e-3)
        np.testing.assert_allclose(layers.turns[1], cosine(u[1], u[0]), atol=1e-3)
        np.testing.assert_allclose(layers.supports[1], cosine(u[1], s[0]), atol=1e-3)
        np.testing.assert_allclose(layers.arrivals, [cosine(x, s[-1]) for x in s], atol=1e-3)
        assert layers.turns[0] == layers.supports[0] == 0.0


def cosine(one: Any, other: Any) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_perturbed_states_follow_the_gradient(engine: HFEngine) -> None:
    answers = engine.score(PROMPTS, show=set(Inside))
    head = engine.model.lm_head.weight.detach().double()
    for answer in answers:
        view = answer.inside.perturbed
        assert view is not None
        assert answer.inside.state is not None
        h = torch.tensor(answer.inside.state, dtype=torch.float64, requires_grad=True)
        best = int(np.argmax(answer.scored_logprobs))
        q = torch.log_softmax(tail(engine, head @ h), dim=-1)
        (-torch.logsumexp(q[label_ids(engine, LABELS[best])], dim=0)).backward()
        gradient = h.grad
        assert gradient is not None
        assert view.gradient_norm == pytest.approx(float(gradient.norm()), rel=1e-3, abs=1e-6)
        assert view.state_norm == pytest.approx(float(h.detach().norm()), rel=1e-4)
        assert view.radii == list(RADII)
        for place, radius in enumerate(RADII):
            with torch.no_grad():
                moved = h + radius * gradient / gradient.norm()
                logits = tail(engine, head @ moved)
                now = torch.log_softmax(logits, dim=-1)
            np.testing.assert_allclose(view.label_logprobs[place], merged(engine, now), atol=2e-3)
            spread = -float((now.exp() * now).sum())
            assert view.entropies[place] == pytest.approx(spread, abs=2e-3)
            first = q.detach()
            lost = float((first.exp() * (first - now)).sum())
            assert view.divergences[place] == pytest.approx(lost, abs=2e-3, rel=1e-3)
            top = logits.topk(2).values
            assert view.margins[place] == pytest.approx(float(top[0] - top[1]), abs=2e-3)
            same = cosine(h.detach().numpy(), moved.numpy())
            assert view.cosines[place] == pytest.approx(same, abs=1e-4)


def test_raw_logits_follow_from_the_normalizer(engine: HFEngine) -> None:
    (answer,) = engine.score(PROMPTS[:1])
    with torch.no_grad():
        logits = engine.model(torch.tensor([engine.encode(PROMPTS[0].context)])).logits[0, -1]
    top = np.sort(logits.numpy())[::-1][: len(answer.top_logprobs)]
    shown = np.array(answer.top_logprobs) + answer.log_normalizer
    np.testing.assert_allclose(shown, top, atol=1e-4)
    assert answer.inside.state is answer.inside.layers is answer.inside.perturbed is None


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.make_model(tmp_path_factory.mktemp("llama"), "llama")


def load(folder: Path) -> HFEngine:
    return HFEngine({"pretrained": str(folder), "dtype": "float32"}, device="cpu")


def test_labels_of_several_tokens_are_not_read_by_the_head(llama: Path) -> None:
    labels = (" A", " step by step")
    (answer,) = load(llama).score([ChoicePrompt("Answer:", labels, 2)], show=set(Inside))
    assert answer.inside.layers is answer.inside.perturbed is None
    assert answer.inside.state is not None


def test_a_head_that_is_no_norm_of_the_last_layer_is_not_read(
    llama: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def flip(_module: Any, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state.flip(-1)
        return output

    engine = load(llama)
    engine.model.model.register_forward_hook(flip)
    found = [a for _ in range(2) for a in engine.score(PROMPTS, show=set(Inside))]
    assert all(answer.inside.layers is None for answer in found)
    assert all(answer.inside.perturbed is not None for answer in found)
    said = [r.getMessage() for r in caplog.records if "between its layers" in r.getMessage()]
    assert len(said) == 1


def test_logits_that_are_changed_in_an_unknown_way_are_not_read(llama: Path) -> None:
    engine = load(llama)
    engine.model.config.final_logit_softcapping = 5.0  # which Llama does not do
    found: list[Answer] = engine.score(PROMPTS, show=set(Inside))
    assert all(a.inside.layers is a.inside.perturbed is None for a in found)
    assert all(math.isfinite(a.entropy) for a in found)


def test_states_after_the_options_equal_plain_ones(engine: HFEngine) -> None:
    alone = [engine.score([prompt], show={Inside.OPTIONS})[0] for prompt in PROMPTS]
    together = engine.score(PROMPTS, show=set(Inside))
    layers = len(engine.model.model.layers)
    for prompt, one, other in zip(PROMPTS, alone, together, strict=True):
        states = []
        for label in LABELS:
            ids = [*engine.encode(prompt.context), engine.tokenizer.encode(label)[-1]]
            with torch.no_grad():
                out = engine.model(torch.tensor([ids]), output_hidden_states=True)
            states.append(out.hidden_states[(layers + 1) // 2][0, -1].double().numpy())
        expected = np.cov(np.array(states))
        assert one.inside.options is not None
        np.testing.assert_allclose(one.inside.options, expected, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(other.inside.options, expected, atol=1e-4, rtol=1e-4)
        assert other.post_answer_entropy == pytest.approx(one.post_answer_entropy, abs=1e-4)


SIGNALS = ("hidden_state", "layer_answers", "option_states", "perturbed_state")


@pytest.mark.slow
def test_a_store_without_the_signals_gets_them_by_further_passes(tmp_path: Path, cli: Run) -> None:
    arguments = ("run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
                 "--device", "cpu", "--tasks", "mmlu_pro_direct_law", "--limit", 12,
                 "--estimators")  # fmt: skip
    wanted = "layer_disagreement,layer_path_probe,perturbed_state_probe,hidden_state_probe,logtoku"
    wanted += ",eigen_score"
    for folder, chosen in (("at once", wanted), ("later", "token_entropy"), ("later", wanted)):
        done = cli(*arguments, chosen, "--output_path", tmp_path / folder)
        assert done.returncode == 0, done.stderr
    stores = [tmp_path / name / "embedded" / "mmlu_pro_direct" for name in ("at once", "later")]
    for signal in SIGNALS:
        one, other = (rows(store, signal).set_index("question_id").sort_index() for store in stores)
        assert len(one) == 12
        for name in one.columns.difference(["variant", "source"]):
            for question in one.index:
                a, b = (np.stack(np.atleast_1d(t[name][question])) for t in (one, other))
                np.testing.assert_allclose(
                    np.array(a.tolist(), dtype=float), np.array(b.tolist(), dtype=float), atol=2e-3
                )
    tables = [pd.read_parquet(store / "scores.parquet") for store in stores]
    for table in tables:
        scored = table[table.estimator == "layer_disagreement"]
        assert scored.score.between(0, 1).all()
        assert table[table.estimator == "logtoku"].score.notna().all()


@pytest.mark.slow
def test_the_states_of_other_layers_are_plain_ones(tmp_path: Path, cli: Run) -> None:
    arguments = ("run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
                 "--device", "cpu", "--tasks", "mmlu_pro_direct_law", "--limit", 12,
                 "--output_path", tmp_path)  # fmt: skip
    probes = ("--estimators", "hidden_state_probe,hidden_state_probe(layer=3)")
    done = cli(*arguments, *probes, "--hidden_layers", "middle,1,last")
    assert done.returncode == 0, done.stderr
    store = tmp_path / "embedded" / "mmlu_pro_direct"
    engine = HFEngine({"pretrained": "embedded"}, device="cpu")
    prompts = rows(store, "prompt").set_index("question_id").text
    for record in rows(store, "hidden_state").itertuples():
        assert list(record.layers) == [1, 3, 5]
        with torch.no_grad():
            ids = torch.tensor([engine.encode(prompts[record.question_id])])
            out = engine.model.model(ids, output_hidden_states=True)
        states = np.stack(list(record.layer_states))
        for place, layer in ((0, 1), (1, 3)):
            plain = out.hidden_states[layer][0, -1].float()
            np.testing.assert_allclose(states[place], plain, atol=2e-3)
        with torch.no_grad():
            normed = engine.model.model.norm(torch.tensor(states[2], dtype=engine.model.dtype))
        np.testing.assert_allclose(normed.float(), record.state, atol=2e-2)
    scores = pd.read_parquet(store / "scores.parquet")
    assert {"hidden_state_probe(layer=3)", "hidden_state_probe"} <= set(scores.estimator)
    assert scores.score.notna().all()
    refused = cli(*arguments[:-1], tmp_path / "more", *probes, "--hidden_layers", "6")
    assert refused.returncode == 2
    assert (
        "--hidden_layers: expected at most 5, the number of the model's layers, got 6"
        in refused.stderr
    )
    for text, said in (("0", "got '0'"), ("end", "got 'end'"), ("1,2,3,4,5,6,7,8,9", "most 8")):
        refused = cli(*arguments, *probes, "--hidden_layers", text)
        assert refused.returncode == 2
        assert said in refused.stderr


def test_a_model_without_mlps_of_that_name_has_layers_but_no_path(tmp_path: Path) -> None:
    from transformers import OPTConfig, OPTForCausalLM

    tokenizer = models.make_tokenizer()
    torch.manual_seed(0)
    config = OPTConfig(hidden_size=32, ffn_dim=64, num_hidden_layers=3, num_attention_heads=4,
                       word_embed_proj_dim=32, vocab_size=len(tokenizer), init_std=0.3)  # fmt: skip
    model = OPTForCausalLM(config)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    engine = load(tmp_path)
    for prompt, answer in zip(PROMPTS, engine.score(PROMPTS, show=set(Inside)), strict=True):
        layers = answer.inside.layers
        assert layers is not None
        assert layers.update_norms == layers.turns == []
        with torch.no_grad():
            ids = torch.tensor([engine.encode(prompt.context)])
            out = engine.model(ids, output_hidden_states=True)
            decoder = engine.model.model.decoder
            plain = [
                torch.log_softmax(engine.model.lm_head(decoder.final_layer_norm(h[0, -1])), dim=-1)
                for h in out.hidden_states[1:-1]
            ]
        expected = [merged(engine, logprobs) for logprobs in plain]
        np.testing.assert_allclose(layers.label_logprobs[:-1], expected, atol=1e-3)
        assert answer.inside.perturbed is not None
        assert answer.inside.options is not None
