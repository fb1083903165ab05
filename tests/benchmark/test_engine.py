"""The hf engine against lm-eval's own hf model and against brute force, on real architectures."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from apprehend.benchmark.console.errors import ApprehendError, UsageError
from apprehend.benchmark.engines.hf.cache.prefixes import grow
from apprehend.benchmark.engines.hf.forward import Forward
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.hf.model_attention import keep_softcap
from apprehend.benchmark.engines.hf.plain import batches
from apprehend.benchmark.engines.shared.engine import ChoicePrompt, Sampling
from apprehend.benchmark.engines.shared.inside import Inside, InsideView
from apprehend.tasks.dataset import embedded_file, read_questions
from apprehend.tasks.mmlu_pro import STYLES, choice_labels, render_system, render_user
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from models import configs, make_model

ARCHITECTURES = tuple(configs())
ROWS = [
    {
        "question_id": number,
        "question": f"Which of the {'very ' * number}different options is number {number}?",
        "options": [f"option {number} {index}" for index in range(3 + number)],
        "answer": "A",
        "category": "history",
    }
    for number in range(8)
]


def prompts(group: str, chat: HFEngine | None = None) -> list[ChoicePrompt]:
    """Prompts as lm-eval builds them, without or with a chat template."""
    style = STYLES[group]
    made = []
    for row in ROWS:
        system, user = render_system("history", style), render_user(row, style)
        space = " " if chat is None else ""
        context = (
            f"{system}\n\n{user}"
            if chat is None
            else chat.chat(
                [{"role": "system", "content": system}, {"role": "user", "content": user}]
            )
        )
        labels = tuple(space + label for label in choice_labels(row, style))
        made.append(ChoicePrompt(context, labels, len(row["options"])))
    return made


@pytest.fixture(scope="session", params=ARCHITECTURES)
def folder(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / request.param
    return make_model(path, request.param, bos=request.param.startswith("gemma"))


@pytest.fixture(scope="session")
def engine(folder: Path) -> HFEngine:
    return HFEngine({"pretrained": str(folder)}, batch_size=4, device="cpu")


def full_logprobs(engine: HFEngine, ids: list[int]) -> torch.Tensor:
    """(V,) log-probabilities after ``ids`` from one plain pass, without cache or padding."""
    with torch.inference_mode():
        logits = engine.model(torch.tensor([ids])).logits[0, -1].double()
    return torch.log_softmax(logits, dim=-1)


def path_logprob(engine: HFEngine, ids: list[int], path: tuple[int, ...]) -> float:
    total = 0.0
    for size, token in enumerate(path):
        total += float(full_logprobs(engine, [*ids, *path[:size]])[token])
    return total


@pytest.mark.parametrize("group", ["mmlu_pro_direct", "mmlu_pro_direct_numbered"])
def test_scores_equal_lm_evals(engine: HFEngine, folder: Path, group: str) -> None:
    asked = prompts(group)
    requests = [
        Instance("loglikelihood", {}, (prompt.context, continuation), index)
        for prompt in asked
        for index, continuation in enumerate(prompt.continuations)
    ]
    stock = HFLM(pretrained=str(folder), batch_size=3, device="cpu")
    keep_softcap(stock.model)
    expected = stock.loglikelihood(requests, disable_tqdm=True)
    answers = engine.score(asked)
    ours = [value for answer in answers for value in answer.scored_logprobs]
    np.testing.assert_allclose(ours, [value for value, _ in expected], atol=1e-4)
    greedy = [value for answer in answers for value in answer.is_greedy]
    assert greedy == [bool(value) for _, value in expected]


def test_a_prompt_beyond_the_context_loses_its_beginning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Scores and labels are those of the prompt truncated on the left."""
    arguments = {"pretrained": str(make_model(tmp_path, "llama")), "max_length": 64}
    engine = HFEngine(arguments, device="cpu")
    asked = prompts("mmlu_pro_direct")
    with caplog.at_level(logging.WARNING):
        cut = engine.score(asked)
    assert f"{len(asked)} of {len(asked)} prompts exceed" in caplog.text
    for prompt, answer in zip(asked, cut, strict=True):
        ids = engine.encode(prompt.context)[-56:]
        assert answer.prompt_tokens == len(ids)
        for continuation, found in zip(prompt.continuations, answer.scored_logprobs, strict=True):
            path = tuple(engine.encode(continuation))
            assert found == pytest.approx(path_logprob(engine, ids, path), abs=1e-4)


@pytest.mark.parametrize("group", ["mmlu_pro_direct", "mmlu_pro_direct_numbered"])
def test_answer_equals_brute_force(engine: HFEngine, group: str) -> None:
    asked = prompts(group)
    answers = engine.score(asked)
    for prompt, answer in list(zip(asked, answers, strict=True))[::3]:
        ids = engine.encode(prompt.context)
        after = full_logprobs(engine, ids)
        entropy = -float((after.exp() * after).sum())
        assert answer.entropy == pytest.approx(entropy, abs=1e-4)
        assert answer.prompt_tokens == len(ids)
        np.testing.assert_allclose(answer.top_logprobs, after.topk(20).values, atol=1e-4)
        outside = 1 - float(after.topk(20).values.exp().sum())
        assert answer.missing_mass == pytest.approx(outside, abs=1e-5)
        labels = engine._labels.read(prompt.context, ids, prompt.continuations)
        paths = {path: path_logprob(engine, ids, path) for la in labels for path in la.variants}
        for index, label in enumerate(labels):
            mass = 0.0
            for variant in label.variants:
                mass += math.exp(paths[variant])
                longer = {
                    path
                    for other, la in enumerate(labels)
                    if other != index
                    for path in la.variants
                    if len(path) > len(variant) and path[: len(variant)] == variant
                }
                mass -= sum(math.exp(paths[path]) for path in longer)
            assert math.exp(answer.label_logprobs[index]) == pytest.approx(mass, abs=1e-5)
        best = labels[int(np.argmax(answer.scored_logprobs))]
        chosen = max(best.variants, key=lambda path: paths[path])
        later = full_logprobs(engine, [*ids, *chosen])
        expected = -float((later.exp() * later).sum())
        assert answer.post_answer_entropy == pytest.approx(expected, abs=1e-4)


@pytest.fixture(scope="session", params=["auto", 3])
def other_engine(request: Any, folder: Path) -> HFEngine:
    return HFEngine({"pretrained": str(folder)}, batch_size=request.param, device="cpu")


def few_shot_prompts() -> list[ChoicePrompt]:
    """Prompts that share examples, some also a stem; one is a duplicate, one another's prefix."""
    examples = "".join(f"{prompt.context} B\n\n" for prompt in prompts("mmlu_pro_direct")[:2])
    made = []
    for prompt in prompts("mmlu_pro_direct")[2:]:
        stem, options = prompt.context.split("Options:")
        lines = options.split("\n")
        for turn in range(3):
            turned = "\n".join(lines[turn:] + lines[:turn])
            context = f"{examples}{stem}Options:{turned}\nAnswer:"
            made.append(ChoicePrompt(context, prompt.continuations, prompt.option_count))
    longer = ChoicePrompt(made[0].context + " B\nAnswer:", made[0].continuations, 5)
    return [*made, made[1], longer]


def assert_same_answers(some: Any, others: Any) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one.label_logprobs, other.label_logprobs, atol=1e-4)
        np.testing.assert_allclose(one.top_logprobs, other.top_logprobs, atol=1e-4)
        assert one.entropy == pytest.approx(other.entropy, abs=1e-4)
        assert one.post_answer_entropy == pytest.approx(other.post_answer_entropy, abs=1e-4)
        assert one.greedy_label == other.greedy_label
        assert one.samples == other.samples
        assert one.log_normalizer == pytest.approx(other.log_normalizer, abs=1e-4)
        assert_same_insides(one.inside, other.inside)


def assert_same_insides(one: InsideView, other: InsideView) -> None:
    np.testing.assert_allclose(one.state, other.state, atol=1e-4, rtol=1e-4)
    for part, its in ((one.layers, other.layers), (one.perturbed, other.perturbed)):
        assert part is not None
        for name, values in vars(part).items():
            np.testing.assert_allclose(values, getattr(its, name), atol=1e-3, rtol=1e-3)


def test_batch_size_and_sharing_do_not_matter(engine: HFEngine, other_engine: HFEngine) -> None:
    for asked in (prompts("mmlu_pro_direct"), few_shot_prompts()):
        seeds = [[10 * row + draw for draw in range(3)] for row in range(len(asked))]
        plain = plain_scores(engine, asked, seeds)
        alone = [
            engine.score([prompt], Sampling(1.0, [own]), set(Inside))[0]
            for prompt, own in zip(asked, seeds, strict=True)
        ]
        assert_same_answers(alone, plain)
        for one in (engine, other_engine):
            assert_same_answers(one.score(asked, Sampling(1.0, seeds), set(Inside)), plain)
            # The KV cache kept from the last prompts must not matter.
            back = one.score(asked[::-1], Sampling(1.0, seeds[::-1]), set(Inside))
            assert_same_answers(back[::-1], plain)


def plain_scores(engine: HFEngine, asked: Any, seeds: Any) -> Any:
    """Answers from passes without shared prefixes."""
    engine._forward.sharing = False
    try:
        return engine.score(asked, Sampling(1.0, seeds), set(Inside))
    finally:
        engine._forward.sharing = True


def test_samples_are_the_same_with_and_without_sharing(
    engine: HFEngine, other_engine: HFEngine
) -> None:
    asked = [prompt.context for prompt in few_shot_prompts()[::2]]
    seeds = [[10 * row + draw for draw in range(3)] for row in range(len(asked))]
    engine._forward.sharing = False
    plain = engine.generate(asked, 40, ["Question"], Sampling(1.0, seeds))
    engine._forward.sharing = True
    assert len({generation.text for generation in plain}) > len(asked)
    for one in (engine, other_engine):
        shared = one.generate(asked, 40, ["Question"], Sampling(1.0, seeds))
        assert [g.text for g in shared] == [g.text for g in plain]
        for ours, theirs in zip(shared, plain, strict=True):
            np.testing.assert_allclose(ours.token_entropies, theirs.token_entropies, atol=1e-4)
            np.testing.assert_allclose(ours.token_logprobs, theirs.token_logprobs, atol=1e-4)
            assert ours.prompt_tokens == theirs.prompt_tokens


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_shares_prefixes(folder: Path, dtype: str) -> None:
    rounded = HFEngine({"pretrained": str(folder), "dtype": dtype}, "auto", "cpu")
    assert rounded.model.dtype is getattr(torch, dtype)
    assert rounded._forward.sharing


def test_every_distinct_token_goes_through_the_model_once(
    engine: HFEngine, monkeypatch: Any
) -> None:
    asked = few_shot_prompts()
    rows = [engine.encode(prompt.context) for prompt in asked]
    counts, heads = [], []
    real = engine.model.get_input_embeddings().forward

    def embed(ids: Any) -> Any:
        counts.append(ids.numel())
        return real(ids)

    engine._forward._trunk = None
    monkeypatch.setattr(engine.model.get_input_embeddings(), "forward", embed)
    hook = engine.model.get_output_embeddings().register_forward_hook(
        lambda _, inputs, __: heads.append(inputs[0].shape[-2])
    )
    roomy = HFEngine.score(engine, asked)
    hook.remove()
    assert len(roomy) == len(asked)
    least, added = sum(map(len, grow(rows, least=1))), len(rows)
    assert least <= sum(counts) - added < least + 16 * len(rows)
    assert sum(counts) < 0.5 * sum(map(len, rows))
    assert sum(heads) <= 3 * len(rows)
    counts.clear()
    engine.score(asked)  # the last prompt's path is still held
    assert sum(counts) < sum(map(len, rows)) / 2


def test_a_model_without_the_interface_gets_plain_passes(
    tmp_path: Path, monkeypatch: Any, caplog: Any
) -> None:
    folder = make_model(tmp_path / "m", "llama")
    monkeypatch.setattr("transformers.LlamaForCausalLM._can_set_attn_implementation", never)
    with caplog.at_level("WARNING", logger="apprehend"):
        plain = HFEngine({"pretrained": str(folder)}, 4, "cpu")
    assert not plain._forward.sharing
    assert [r.message for r in caplog.records if "not shared" in r.message] == [
        r.message for r in caplog.records if r.name.startswith("apprehend")
    ]
    monkeypatch.undo()
    shared = HFEngine({"pretrained": str(folder)}, 4, "cpu")
    assert shared._forward.sharing
    asked = prompts("mmlu_pro_direct")
    for one, other in zip(plain.score(asked), shared.score(asked), strict=True):
        np.testing.assert_allclose(one.label_logprobs, other.label_logprobs, atol=1e-4)


def never(*_: Any) -> bool:
    return False


def test_long_rope_is_not_mixed(tmp_path: Path) -> None:
    from transformers import AutoConfig

    folder = make_model(tmp_path / "m", "phi3")
    config = AutoConfig.from_pretrained(folder)
    factors = [1.0 + 0.2 * index for index in range(4)]
    config.original_max_position_embeddings = 128
    config.rope_parameters = {
        "rope_type": "longrope", "rope_theta": 10000.0, "long_factor": factors,
        "partial_rotary_factor": 1.0,
        "short_factor": [1.0] * 4, "original_max_position_embeddings": 128,
    }  # fmt: skip
    config.save_pretrained(folder)
    engine = HFEngine({"pretrained": str(folder)}, "auto", "cpu")
    assert engine._forward.sharing
    assert engine._forward._most_positions == 128


def test_chat_prompts_score_the_bare_letter(engine: HFEngine) -> None:
    asked = prompts("mmlu_pro_direct", engine)
    for prompt, answer in zip(asked, engine.score(asked), strict=True):
        ids = engine.encode(prompt.context)
        after = full_logprobs(engine, ids)
        token = engine.tokenizer.convert_tokens_to_ids("B")
        assert answer.scored_logprobs[1] == pytest.approx(float(after[token]), abs=1e-4)


@pytest.mark.parametrize(("architecture", "kept"), [("gemma2", "eager"), ("llama", "sdpa")])
def test_a_soft_cap_of_attention_is_kept(tmp_path: Path, architecture: str, kept: str) -> None:
    """PyTorch's fused kernel has no soft cap; older transformers silently drop it."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(make_model(tmp_path / "m", architecture))
    model.config._attn_implementation = "sdpa"
    keep_softcap(model)
    assert model.config._attn_implementation == kept


def test_greedy_text_equals_lm_evals(engine: HFEngine, folder: Path) -> None:
    style = STYLES["mmlu_pro_cot"]
    asked = [f"{render_system('history', style)}\n\n{render_user(row, style)}" for row in ROWS]
    stock = HFLM(pretrained=str(folder), batch_size=3, device="cpu")
    keep_softcap(stock.model)
    options = {"until": ["Question:"], "max_gen_toks": 24, "do_sample": False}
    requests = [Instance("generate_until", {}, (text, options), 0) for text in asked]
    expected = stock.generate_until(requests, disable_tqdm=True)
    written = engine.generate(asked, 24, ["Question:"])
    assert [generation.text for generation in written] == expected


def test_traces_equal_brute_force(engine: HFEngine) -> None:
    asked = [prompt.context for prompt in prompts("mmlu_pro_direct")][:3]
    for prompt, generation in zip(asked, engine.generate(asked, 10), strict=True):
        ids = engine.encode(prompt)
        for position, logprob in enumerate(generation.token_logprobs):
            after = full_logprobs(engine, ids)
            token = int(after.argmax())
            assert logprob == pytest.approx(float(after[token]), abs=1e-4)
            entropy = -float((after.exp() * after).sum())
            assert generation.token_entropies[position] == pytest.approx(entropy, abs=1e-4)
            flat = np.full(len(after), 1 / len(after))
            divergence = scipy.stats.entropy(flat, after.double().exp())
            assert generation.token_uniform_kl[position] == pytest.approx(divergence, abs=1e-4)
            top = generation.token_top_logprobs[position]
            np.testing.assert_allclose(top, after.topk(10).values, atol=1e-4)
            found = generation.label_logprobs(position, ["A", "B"])
            for label, value in zip(("A", "B"), found or (), strict=True):
                tokens = engine._labels.single_tokens(label)
                expected = float(torch.logsumexp(after[tokens], dim=0))
                assert value == pytest.approx(expected, abs=1e-4)
            ids.append(token)
        text = engine.tokenizer.decode(ids[len(engine.encode(prompt)) :], skip_special_tokens=True)
        assert generation.text == text
        for offset in range(len(text)):
            position = generation.token_at(offset)
            before = engine.tokenizer.decode(ids[len(engine.encode(prompt)) :][:position])
            assert len(before) <= offset


@pytest.mark.parametrize("lengths", [[5, 1, 9, 9, 2], [1], [3] * 40])
def test_batches_hold_everything_once(lengths: list[int]) -> None:
    made = batches(lengths, budget=18, most=4)
    assert sorted(index for batch in made for index in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) <= 4
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 18


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no memory left"), MemoryError()])
def test_out_of_memory_makes_smaller_passes(
    engine: HFEngine, monkeypatch: Any, error: Exception
) -> None:
    asked = few_shot_prompts()
    expected = engine.score(asked)
    engine._forward._trunk = None
    real, sizes = Forward.tree_call, []
    room = 200

    def tree_call(self: Forward, tree: Any, ids: Any, *more: Any) -> Any:
        sizes.append(len(ids))
        if len(ids) > room:
            raise error
        return real(self, tree, ids, *more)

    monkeypatch.setattr(Forward, "tree_call", tree_call)
    answers = engine.score(asked)
    engine._batches.halved = 0
    assert max(sizes) > room
    assert sum(size <= room for size in sizes) < 6 * len(asked)  # nothing finished is done again
    for one, other in zip(answers, expected, strict=True):
        np.testing.assert_allclose(one.label_logprobs, other.label_logprobs, atol=1e-4)


def test_out_of_memory_on_one_prompt_is_an_error(engine: HFEngine, monkeypatch: Any) -> None:
    def tree_call(*_: Any) -> Any:
        raise torch.OutOfMemoryError("no memory left")

    monkeypatch.setattr(Forward, "tree_call", tree_call)
    engine._forward._trunk = None
    with pytest.raises(ApprehendError, match="single prompt"):
        engine.score(prompts("mmlu_pro_direct"))
    engine._batches.halved = 0


def test_nan_logits_are_an_error(tmp_path: Path) -> None:
    broken = HFEngine({"pretrained": str(make_model(tmp_path / "m", "llama"))}, 2, "cpu")
    with torch.no_grad():
        broken.model.model.norm.weight.fill_(math.nan)
    with pytest.raises(ApprehendError, match="logits are NaN"):
        broken.score(prompts("mmlu_pro_direct")[:1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "expected pretrained="),
        ({"pretrained": "/no/such/model"}, "no model folder"),
        ({"pretrained": "embedded", "no_such_option": 1}, "no_such_option"),
    ],
)
def test_arguments_that_cannot_work(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((UsageError, ApprehendError), match=message):
        HFEngine(arguments, "auto", "cpu")


@pytest.mark.parametrize("size", ["none", 0, "-1"])
def test_batch_sizes_that_cannot_work(size: Any) -> None:
    with pytest.raises(UsageError, match="batch_size"):
        HFEngine({"pretrained": "embedded"}, size, "cpu")


def test_picked_answers_are_the_same_on_the_whole_embedded_sample() -> None:
    """All 1,680 embedded questions, with and without shared prefixes and in other batches."""
    engine = HFEngine({"pretrained": "embedded"}, "auto", "cpu")
    style = STYLES["mmlu_pro_direct"]
    asked = [
        ChoicePrompt(
            f"{render_system(row['category'], style)}\n\n{render_user(row, style)}",
            tuple(f" {label}" for label in style.labels(len(row["options"]))),
            len(row["options"]),
        )
        for row in read_questions(embedded_file("questions.parquet"))
    ]
    assert len(asked) == 1680
    shared = engine.score(asked)
    plain = HFEngine({"pretrained": "embedded"}, 48, "cpu")
    plain._forward.sharing = False
    alone = plain.score(asked)
    for one, other in zip(shared, alone, strict=True):
        assert np.argmax(one.scored_logprobs) == np.argmax(other.scored_logprobs)
        np.testing.assert_allclose(one.scored_logprobs, other.scored_logprobs, atol=1e-4)
        assert one.entropy == pytest.approx(other.entropy, abs=1e-4)
        assert one.post_answer_entropy == pytest.approx(other.post_answer_entropy, abs=1e-4)
