"""Signals beyond the plain answer: what is collected equals plain passes over plain prompts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.shared.engine import ChoicePrompt, Sampling
from apprehend.benchmark.run.probes.perturbing import (
    rotated_back,
    shuffled_stem,
    without_stem,
)
from apprehend.benchmark.run.questions.own_facts import rotated
from apprehend.estimators import builtin_estimators
from apprehend.tasks.dataset import embedded_file, read_questions
from apprehend.tasks.mmlu_pro import STYLES, choice_labels, render_system, render_user
from apprehend.tasks.questionnaires import QUESTIONNAIRES
from apprehend.tasks.self_report_prompts import (
    read_linguistic,
    read_one_step,
    read_top_k,
    read_two_step,
)
from apprehend.tasks.topics import letters
from helpers import Run, rows

STYLE = STYLES["mmlu_pro_direct"]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, cli: Run) -> Path:
    """A run of all estimators."""
    folder = tmp_path_factory.mktemp("all") / "results"
    done = cli("run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
               "--device", "cpu", "--tasks",
               "mmlu_pro_direct_law,mmlu_pro_direct_math,mmlu_pro_direct_health,"
               "mmlu_pro_cot_law,mmlu_pro_cot_math,mmlu_pro_cot_health",
               "--limit", 10, "--samples", 5, "--judge", "hf",
               "--judge_args", "pretrained=embedded", "--estimators",
               "all,question_ablation(ablation='shuffled_stem')", "--output_path",
               folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder.parent / "stderr.txt").write_text(done.stderr)
    return folder / "embedded"


@pytest.fixture(scope="module")
def engine() -> HFEngine:
    return HFEngine({"pretrained": "embedded"}, 16, "cpu")


@pytest.fixture(scope="module")
def questions() -> dict[int, dict[str, Any]]:
    found = read_questions(embedded_file("questions.parquet"))
    return {int(row["question_id"]): row for row in found}


def plain(engine: HFEngine, row: dict[str, Any]) -> Any:
    """The answer to a row, in a batch of its own."""
    context = f"{render_system(row['category'], STYLE)}\n\n{render_user(row, STYLE)}"
    labels = tuple(" " + label for label in choice_labels(row, STYLE))
    return engine.score([ChoicePrompt(context, labels, len(row["options"]))])[0]


def test_every_signal_is_collected_once(everything: Path) -> None:
    costs = json.loads((everything / "mmlu_pro_direct" / "manifest.json").read_text())["costs"]
    counts = {name: line.get("questions") for name, line in costs.items()}
    for name in ("answer", "samples direct", "permuted_answers", "hidden_state", "layer_answers",
                 "perturbed_state", "option_states", "prompted_answers paraphrase_1",
                 "self_report p_true"):  # fmt: skip
        assert counts[name] == 30, counts
    assert set(counts.values()) == {30, None}
    assert costs["judgement by embedded"]["judgements"] == 4 * 30
    for name in ("answer", "samples", "permuted_answers", "prompted_answers", "self_report"):
        table = rows(everything / "mmlu_pro_direct", name)
        assert not table.duplicated(["question_id", "variant", "source"]).any()


def test_the_plan_comes_first_and_says_what_is_then_done(everything: Path) -> None:
    said = (everything.parent.parent / "stderr.txt").read_text()
    said = re.sub(r" \([^)]* s\)", "", said)  # the times
    assert said.rindex("plan: ") < said.index("question/s")
    plan = {
        name: [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", rest)]
        for name, rest in re.findall(r"^plan: ([^:]+): (.*)$", said, re.MULTILINE)
    }
    permuted = rows(everything / "mmlu_pro_direct", "permuted_answers")
    passes = int((permuted.shifts.map(len) - 1).sum())
    assert plan["mmlu_pro_direct permuted_answers"][0] == passes
    assert plan["mmlu_pro_direct self_report two_step"][2:4] == [30, 30 * 48]
    assert plan["mmlu_pro_cot trace"][0] == 30
    single = {name: line for name, line in plan.items() if name.startswith("mmlu_pro")}
    assert set(single) == {
        "mmlu_pro_direct answer", "mmlu_pro_cot trace", "mmlu_pro_direct samples direct",
        "mmlu_pro_direct permuted_answers", "mmlu_pro_direct question_tokens",
        *(f"mmlu_pro_direct self_report {x}"
          for x in ("p_true", "before", "one_step", "two_step", "linguistic", "distribution",
                    "each_option", "among_samples")),
        *(f"mmlu_pro_direct prompted_answers paraphrase_{n}" for n in range(1, 5)),
        *(f"mmlu_pro_direct prompted_answers {x}"
          for x in ("no_stem", "shuffled_stem", "instruction", "content_free")),
    }  # fmt: skip
    for place in (0, 1):
        total = sum(line[place] for line in single.values())
        assert plan["in all"][place] == pytest.approx(total, abs=20)
    answers = rows(everything / "mmlu_pro_direct", "answer")
    assert plan["mmlu_pro_direct answer"][1] == pytest.approx(answers.prompt_tokens.sum(), rel=0.1)
    assert plan["judgement complexity by embedded"][0] == 30
    assert plan["judgement correctness by embedded"][0] == 60


def test_all_families_have_scores(everything: Path) -> None:
    tables = [pd.read_parquet(file) for file in everything.glob("*/scores.parquet")]
    scores = pd.concat(tables)
    assert set(builtin_estimators()) - set(scores.estimator) == {
        *("committee_disagreement", "committee_surprise", "chosen_committee"),
    }
    missing = scores[scores.score.isna()]
    assert missing.reason.notna().all()
    learned = scores[scores.estimator == "temperature_scaled"]
    assert learned.fold.notna().all()
    assert (learned.groupby(["task", "topic"]).fold.nunique() > 1).all()


@pytest.mark.slow
def test_all_without_what_some_need(tmp_path: Path, cli: Run) -> None:
    """With ``all``, estimators whose needs cannot be met are reported and skipped."""
    arguments = ("run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
                 "--device", "cpu", "--tasks", "mmlu_pro_cot_law", "--limit", 6,
                 "--output_path", tmp_path)  # fmt: skip
    done = cli(*arguments, "--estimators", "all")
    assert done.returncode == 0, done.stderr
    scores = pd.read_parquet(tmp_path / "embedded" / "mmlu_pro_cot" / "scores.parquet")
    assert {"cot_answer_entropy", "perplexity", "random"} <= set(scores.estimator)
    for name in ("token_entropy", "masj_complexity", "p_true"):
        assert name not in set(scores.estimator)
        (line,) = [line for line in done.stderr.splitlines() if name in line]
        assert line.strip().startswith("needs ")
    refused = cli(*arguments, "--estimators", "cot_answer_entropy,token_entropy")
    assert refused.returncode == 2
    assert "token_entropy needs signal answer" in refused.stderr


def test_permuted_answers_equal_plain_ones(
    everything: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    table = rows(everything / "mmlu_pro_direct", "permuted_answers")
    for record in table.iloc[::13].itertuples():
        row = questions[record.question_id]
        count = len(row["options"])
        assert list(record.shifts) == list(range(count))
        for shift in range(count):
            order = rotated(row, shift)
            answer = plain(engine, order)
            for place, option in enumerate(order["options"]):
                original = row["options"].index(option)
                assert record.option_logprobs[shift][original] == pytest.approx(
                    answer.label_logprobs[place], abs=1e-3
                )
            chosen = order["options"][int(np.argmax(answer.scored_logprobs))]
            assert row["options"][record.answers[shift]] == chosen


def test_rotation_is_undone() -> None:
    values = [0.1, 0.2, 0.3, 0.4]
    for shift in range(4):
        there = rotated({"options": values}, shift)["options"]
        assert rotated_back(there, shift) == values


def test_prompt_variants_equal_plain_prompts(
    everything: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    table = rows(everything / "mmlu_pro_direct", "prompted_answers")
    changes = {
        "no_stem": lambda row: without_stem(row["question"]),
        "shuffled_stem": lambda row: shuffled_stem(row["question"], row["question_id"], 0),
        "content_free": lambda row: "N/A",
    }
    for variant, change in changes.items():
        records = list(table[table.variant == variant].iloc[::29].itertuples())
        assert len(records) == 2
        for record in records:
            row = questions[record.question_id]
            asked = {**row, "question": change(row)}
            if variant == "content_free":
                asked["options"] = ["N/A"] * len(row["options"])
            expected = plain(engine, asked).label_logprobs
            np.testing.assert_allclose(record.option_logprobs, expected, atol=1e-3)


def test_question_tokens_equal_plain_transformers(
    everything: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    table = rows(everything / "mmlu_pro_direct", "question_tokens")
    assert len(table) == 30
    for record in table.iloc[::7].itertuples():
        row = questions[record.question_id]
        options = row["options"]
        shown = zip(letters(len(options)), options, strict=True)
        lines = [f"{label}. {text}" for label, text in shown]
        ids = engine.tokenizer("\n".join([row["question"], *lines]))["input_ids"]
        first = engine._lm.prefix_token_id
        ids = ids if ids[0] == first else [first, *ids]
        with torch.inference_mode():
            logs = engine.model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        expected = [float(logs[place, token]) for place, token in enumerate(ids[1:])]
        np.testing.assert_allclose(record.token_logprobs, expected, atol=1e-4)
        assert list(record.tokens) == engine.tokenizer.convert_ids_to_tokens(ids[1:])


def test_samples_follow_the_distribution(engine: HFEngine, questions: dict[int, Any]) -> None:
    row = questions[min(questions)]
    context = f"{render_system(row['category'], STYLE)}\n\n{render_user(row, STYLE)}"
    labels = tuple(" " + label for label in choice_labels(row, STYLE))
    prompt = ChoicePrompt(context, labels, len(row["options"]))
    count = 4000
    (answer,) = engine.score([prompt], Sampling(1.0, [list(range(count))]))
    shares = np.bincount(np.array(answer.samples) + 1, minlength=len(labels) + 1)[1:] / count
    expected = np.exp(answer.label_logprobs)
    assert np.abs(shares - expected).max() < 4 * np.sqrt(0.25 / count)


def test_samples_do_not_depend_on_the_batch(engine: HFEngine, questions: dict[int, Any]) -> None:
    prompts = []
    for row in list(questions.values())[:12]:
        context = f"{render_system(row['category'], STYLE)}\n\n{render_user(row, STYLE)}"
        labels = tuple(" " + label for label in choice_labels(row, STYLE))
        prompts.append(ChoicePrompt(context, labels, len(row["options"])))
    seeds = [[7 * i + j for j in range(6)] for i in range(len(prompts))]
    together = [a.samples for a in engine.score(prompts, Sampling(1.5, seeds))]
    alone = [
        engine.score([prompt], Sampling(1.5, [own]))[0].samples
        for prompt, own in zip(prompts, seeds, strict=True)
    ]
    assert together == alone
    texts = [prompt.context for prompt in prompts]
    first = [g.text for g in engine.generate(texts, 12, (), Sampling(1.2, seeds))]
    single = [
        g.text
        for text, own in zip(texts, seeds, strict=True)
        for g in engine.generate([text], 12, (), Sampling(1.2, [own]))
    ]
    assert first == single
    assert len(set(first)) > 4


def test_hidden_state_gives_the_logits(
    everything: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    table = rows(everything / "mmlu_pro_direct", "hidden_state")
    for record in table.iloc[::17].itertuples():
        row = questions[record.question_id]
        context = f"{render_system(row['category'], STYLE)}\n\n{render_user(row, STYLE)}"
        with torch.inference_mode():
            logits = engine.model(torch.tensor([engine.encode(context)])).logits[0, -1]
            head = engine.model.get_output_embeddings()
            ours = head(torch.tensor(record.state, dtype=logits.dtype))
        np.testing.assert_allclose(ours, logits, atol=2e-3)


def test_label_probabilities_agree_with_the_reply(everything: Path) -> None:
    table = rows(everything / "mmlu_pro_direct", "judgement")
    seen = table[table.label_probs.notna()]
    assert len(seen) > 60
    agree = []
    for record in seen.itertuples():
        assert len(record.label_probs) == len(QUESTIONNAIRES[record.variant].scale)
        assert 0 <= sum(record.label_probs) <= 1 + 1e-6
        best = record.label_values[int(np.argmax(record.label_probs))]
        agree.append(best == pytest.approx(record.value))
    assert np.mean(agree) > 0.75  # greedy words need not be the likeliest label


@pytest.mark.parametrize(
    ("reader", "text", "value", "answers"),
    [
        (read_two_step, "[[85]]", 0.85, ()),
        (read_two_step, "[[85 %]]", 0.85, ()),
        (read_two_step, "on a scale of 0-100, [[85]]", 0.85, ()),
        (read_two_step, "[[0.9]]", None, ()),
        (read_two_step, "[[101]]", None, ()),
        (read_two_step, "85", None, ()),
        (read_one_step, "[[C, 70]]", 0.7, (2,)),
        (read_one_step, "[[70]]", None, ()),
        (read_top_k, "[[C: 60, A: 30, Q: 5]]", 0.6, (2, 0, -1)),
        (read_top_k, "[[C, A]]", None, ()),
        (read_linguistic, "[[Very likely]]", 0.9, ()),
        (read_linguistic, "[[maybe]]", None, ()),
    ],
)
def test_self_reports(reader: Any, text: str, value: float | None, answers: Any) -> None:
    report = reader(text, letters(4))
    assert report.value == value
    assert report.answers == answers
    assert (report.reason is None) == (value is not None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "template", "probe", "column"),
    [
        ("prompt_consistency(m=2)", "paraphrase_1", "prompted_answers paraphrase_1",
         "option_logprobs"),
        ("instruction_gap", "instruction_system", "prompted_answers instruction",
         "option_logprobs"),
        ("verbalized_confidence", "self_two_step", "self_report two_step", "text"),
        ("p_true", "self_p_true", "self_report p_true", "value"),
        ("distractor_normalized_confidence", "self_each_option", "self_report each_option", "text"),
        ("clustered_self_assessment", "self_among_samples", "self_report among_samples", "values"),
    ],
)  # fmt: skip
def test_a_probe_in_other_words_is_not_mixed_in(
    tmp_path: Path, cli: Run, estimator: str, template: str, probe: str, column: str
) -> None:
    mine = tmp_path / "mine.jinja"
    question = "" if template.endswith("_system") else "{{ question }} "
    mine.write_text(f"{question}Which one is it, and how sure are you?")
    changed = ("--prompt", f"{template}={mine}")
    arguments = ("run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
                 "--device", "cpu", "--tasks", "mmlu_pro_direct_law", "--limit", 2,
                 "--estimators", f"random,{estimator}")  # fmt: skip
    signal, variant = probe.split()
    asked = []
    for name, more in (("plain", ()), ("mine", changed)):
        done = cli(*arguments, "--output_path", tmp_path / name, *more)
        assert done.returncode == 0, done.stderr
        table = rows(tmp_path / name / "embedded/mmlu_pro_direct", signal)
        asked.append([str(value) for value in table[table.variant == variant][column]])
    assert asked[0] != asked[1]  # the template was used
    refused = cli(*arguments, "--output_path", tmp_path / "plain", *changed)
    assert refused.returncode == 2
    assert f"its {probe} " in refused.stderr
    assert f"collected with other settings (prompt template {template})" in refused.stderr
