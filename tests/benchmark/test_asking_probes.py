"""Self-reports on several options, before the answer, and about what was sampled."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.shared.engine import ChoicePrompt
from apprehend.benchmark.run.probes.probe_registry import wanted_probes, withheld_signal
from apprehend.estimators import Signal
from apprehend.estimators.signals.batch import Need
from apprehend.tasks.dataset import embedded_file, read_questions
from apprehend.tasks.prompting import Choice, load_prompt
from apprehend.tasks.self_report_prompts import P_TRUE_LABELS
from apprehend.tasks.topics import LETTERS
from helpers import Run, in_process, rows

SPECS = (
    "verbalized_distribution,verbalized_distribution(measure='entropy'),"
    "distractor_normalized_confidence,clustered_self_assessment,ask_confidence_before,"
    "verbalized_confidence(scale='0-10'),verbalized_confidence(scale='0-10',read='expected'),"
    "p_true(candidates=3),p_true(candidates=9),vote_share"
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, cli: Run) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    done = cli("run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
               "--device", "cpu", "--tasks", "mmlu_pro_direct_law,mmlu_pro_direct_math",
               "--limit", 6, "--samples", 5, "--temperature", 1.3, "--estimators", SPECS,
               "--output_path", folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "stderr.txt").write_text(done.stderr)
    return folder / "embedded" / "mmlu_pro_direct"


@pytest.fixture(scope="module")
def engine() -> HFEngine:
    return HFEngine({"pretrained": "embedded"}, 16, "cpu")


@pytest.fixture(scope="module")
def questions() -> dict[int, dict[str, Any]]:
    found = read_questions(embedded_file("questions.parquet"))
    return {int(row["question_id"]): row for row in found}


def reports(asked: Path, variant: str) -> Any:
    table = rows(asked, "self_report")
    return table[table.variant == variant].set_index("question_id")


def context(row: dict[str, Any], **more: object) -> dict[str, object]:
    choices = [Choice(*pair) for pair in zip(LETTERS, row["options"], strict=False)]
    return {"question": row["question"], "topic": row["category"], "choices": choices,
            "label_kind": "letter"} | more  # fmt: skip


def named(row: dict[str, Any], option: int) -> str:
    return f"{LETTERS[option]}. {row['options'][option]}"


def read(engine: HFEngine, text: str, labels: tuple[str, ...]) -> Any:
    (answer,) = engine.score([ChoicePrompt(text, labels, len(labels))])
    return np.exp(answer.label_logprobs)


def test_all_is_scored_or_has_a_reason(asked: Path) -> None:
    scores = pd.read_parquet(asked / "scores.parquet")
    assert scores[scores.score.isna()].reason.notna().all()
    for name in ("clustered_self_assessment", "ask_confidence_before", "p_true(candidates=3)",
                 "verbalized_confidence(scale='0-10',read='expected')"):  # fmt: skip
        own = scores[scores.estimator == name].score.dropna()
        assert len(own) > 6
        assert own.between(0, 1).all()
    said = (asked.parents[1] / "stderr.txt").read_text()
    assert "5 samples for 9 candidates (--samples)" in said


def test_the_question_is_asked_again_among_the_sampled_options(
    asked: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    stored = reports(asked, "among_samples")
    samples = rows(asked, "samples").set_index("question_id")
    answers = rows(asked, "answer").set_index("question_id")
    scores = pd.read_parquet(asked / "scores.parquet")
    scores = scores[scores.estimator == "clustered_self_assessment"].set_index("question_id")
    sizes = set()
    for number, record in stored.iterrows():
        answer = int(answers.loc[number].answer)
        shown = sorted({answer, *(int(a) for a in samples.loc[number].answers if a >= 0)})
        assert record.answers.tolist() == shown
        sizes.add(len(shown))
        if len(shown) == 1:
            assert scores.loc[str(number)].score == 0
            continue
        row = questions[number]
        choices = [
            Choice(*p) for p in zip(LETTERS, [row["options"][i] for i in shown], strict=False)
        ]
        text = load_prompt("self_among_samples").render(**context(row, choices=choices))
        probs = read(engine, text, tuple(f" {choice.label}" for choice in choices))
        np.testing.assert_allclose(record["values"], probs, atol=1e-4)
        expected = 1 - probs[shown.index(answer)] / probs.sum()
        assert scores.loc[str(number)].score == pytest.approx(expected, abs=1e-4)
    assert len(sizes) > 1


def test_p_true_shows_the_first_samples_as_drawn(
    asked: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    samples = rows(asked, "samples").set_index("question_id")
    answers = rows(asked, "answer").set_index("question_id")
    for number, record in list(reports(asked, "p_true_3").iterrows())[::4]:
        row, drawn = questions[number], samples.loc[number].answers[:3]
        text = load_prompt("self_p_true_candidates").render(
            **context(row, proposed=named(row, int(answers.loc[number].answer)),
                      candidates=[named(row, int(a)) for a in drawn if a >= 0])
        )  # fmt: skip
        right, wrong = read(engine, text, tuple(f" {label}" for label in P_TRUE_LABELS))
        assert record.value == pytest.approx(right / (right + wrong), abs=1e-4)
    nine = reports(asked, "p_true_9")
    assert nine.value.isna().all()
    assert set(nine.reason) == {"5 samples for 9 candidates (--samples)"}


def test_the_expected_number_is_read_behind_the_bracket(
    asked: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    answers = rows(asked, "answer").set_index("question_id")
    for number, record in list(reports(asked, "expected_0_10").iterrows())[::4]:
        row = questions[number]
        own = named(row, int(answers.loc[number].answer))
        text = load_prompt("self_two_step_0_10").render(**context(row, proposed=own))
        probs = read(engine, f"{text} [[", tuple(str(k) for k in range(11)))
        assert probs[10] <= probs[1] + probs[10]  # 10 and 1 are told apart
        np.testing.assert_allclose(record["values"], probs, atol=1e-5)
        expected = (probs * np.arange(11)).sum() / (10 * probs.sum())
        assert record.value == pytest.approx(expected, abs=1e-4)


def test_every_option_is_asked_about_apart(
    asked: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    for number, record in list(reports(asked, "each_option").iterrows())[::5]:
        row = questions[number]
        count = len(row["options"])
        prompts = [
            load_prompt("self_each_option").render(**context(row, proposed=named(row, option)))
            for option in range(count)
        ]
        replies = [
            f"{x}: {g.text}" for x, g in zip(LETTERS, engine.generate(prompts, 48), strict=False)
        ]
        assert record.text.splitlines() == "\n".join(replies).splitlines()
        assert record.answers.tolist() == list(range(count))
        assert len(record["values"]) == count


def test_before_is_asked_without_the_answer(
    asked: Path, engine: HFEngine, questions: dict[int, dict[str, Any]]
) -> None:
    for number, record in list(reports(asked, "before").iterrows())[::5]:
        text = load_prompt("self_before").render(**context(questions[number]))
        right, wrong = read(engine, text, tuple(f" {label}" for label in P_TRUE_LABELS))
        assert record.value == pytest.approx(right / (right + wrong), abs=1e-4)


def test_other_samples_are_not_mixed_in(asked: Path, cli: Run) -> None:
    results = asked.parents[1]
    done = cli("run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
               "--device", "cpu", "--tasks", "mmlu_pro_direct_law,mmlu_pro_direct_math",
               "--limit", 6, "--samples", 4, "--temperature", 1.3, "--estimators",
               "clustered_self_assessment", "--output_path", results)  # fmt: skip
    assert done.returncode == 2
    assert re.search(r"its (samples direct|self_report among_samples) ", done.stderr)


def test_samples_are_collected_before_what_shows_them() -> None:
    need = Signal.SELF_REPORT.variant("among_samples")
    order = [("self_report", "among_samples"), ("samples", "direct")]
    for needs in ([need], [need, Signal.SAMPLES.variant("direct")], [Need.of(Signal.ANSWER), need]):
        found = [(str(s), v) for s, v in wanted_probes(needs, Signal.ANSWER)]
        assert found == order[::-1]
    assert wanted_probes([need], Signal.TRACE) == []


@pytest.mark.parametrize("engine_name", ["local-completions", "local-chat-completions"])
def test_endpoints_leave_out_the_expected_number(engine_name: str) -> None:
    why = withheld_signal(engine_name, Signal.SELF_REPORT, "expected_0_10")
    assert why is not None
    assert "10 may begin as 1 does" in why
    assert withheld_signal(engine_name, Signal.SELF_REPORT, "two_step_0_10") is None
    assert withheld_signal(engine_name, Signal.SELF_REPORT) is None
    assert withheld_signal("hf", Signal.SELF_REPORT, "expected_0_10") is None


STATED = {
    "distribution": ["[[{}]]", "Sure:\n```json\n{{{}}}\n```", "I would say {}.", "I cannot tell."],
    "each_option": ["[[40]]", "[[80 %]]", "[[0]]"],
}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A run in which the model states numbers as better models do; one confidence is unreadable."""
    generate = HFEngine.generate

    def answered(self: HFEngine, prompts: Any, *more: Any, **settings: Any) -> Any:
        replies = []
        for place, reply in enumerate(generate(self, prompts, *more, **settings)):
            labels = re.findall(r"^([A-J])\. ", prompts[place], re.MULTILINE)
            if "percent, B: percent" in prompts[place]:
                quote = '"' if place % 4 == 1 else ""
                parts = [f"{quote}{x}{quote}: {0.5 if x == 'A' else 0.1}" for x in labels]
                text = STATED["distribution"][place % 4].format(", ".join(parts))
            else:
                text = STATED["each_option"][place % 3]
                text = text if "Which" in prompts[place] else "hm"
            replies.append(replace(reply, text=text))
        return replies

    monkeypatch.setattr(HFEngine, "generate", answered)
    done = in_process(
        ["run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
         "--device", "cpu", "--tasks", "mmlu_pro_direct_law,mmlu_pro_direct_math", "--limit", 4,
         "--estimators", "verbalized_distribution,verbalized_distribution(measure='entropy'),"
         "distractor_normalized_confidence", "--output_path", tmp_path], tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return tmp_path / "embedded" / "mmlu_pro_direct"


def test_stated_numbers_are_stored_as_stated_and_normalized_in_the_score(scripted: Path) -> None:
    answers = rows(scripted, "answer").set_index("question_id").answer
    scores = pd.read_parquet(scripted / "scores.parquet")
    scores = scores.pivot(index="question_id", columns="estimator", values=["score", "reason"])
    stated = reports(scripted, "distribution")
    assert stated.value.isna().sum() == 2
    for number, record in stated.iterrows():
        score = scores.loc[str(number), "score"]
        reason = scores.loc[str(number), "reason"]
        if isinstance(record.reason, str):
            assert record.reason.startswith("confidence not parsed: probabilities of 0 of ")
            assert np.isnan(score["verbalized_distribution"])
            assert reason["verbalized_distribution"] == record.reason
            continue
        count = len(record["values"])
        assert record["values"].tolist() == [0.5, *[0.1] * (count - 1)]
        p = np.array(record["values"]) / (0.5 + 0.1 * (count - 1))
        assert score["verbalized_distribution"] == pytest.approx(1 - p[answers[number]])
        entropy = float(-(p * np.log(p)).sum())
        assert score["verbalized_distribution(measure='entropy')"] == pytest.approx(entropy)
    apart = reports(scripted, "each_option")
    for number, record in apart.iterrows():
        score = scores.loc[str(number), "score"]["distractor_normalized_confidence"]
        if isinstance(record.reason, str):
            assert record.reason.startswith('option A: confidence not parsed: "hm"')
            assert np.isnan(score)
            continue
        values = record["values"]
        assert set(values) == {0.4, 0.8, 0.0}
        assert record.value == values[answers[number]]
        assert score == pytest.approx(1 - values[answers[number]] / sum(values))
    assert 0 < apart.value.isna().sum() < len(apart)
