"""``apprehend run`` on the embedded model, as a process: results, resume, kill, lm-eval's view."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.tasks.dataset import embedded_file, read_questions
from apprehend.tasks.mmlu_pro import STYLES, render_system, render_user
from apprehend.tasks.prompting import load_prompt
from apprehend.tasks.topics import TOPICS, topic_slug
from helpers import Run, environment, lm_eval_samples, rows

EMBEDDED = ("--model_args", "pretrained=embedded", "--data", "embedded", "--device", "cpu",
            "--no_report")  # fmt: skip


def scores(folder: Path, task: str = "mmlu_pro_direct", model: str = "embedded") -> pd.DataFrame:
    return pd.read_parquet(folder / model / task / "scores.parquet")


def test_scores_follow_the_contract(embedded_run: Path) -> None:
    table = scores(embedded_run, model="embedded")
    assert list(table.columns[:8]) == [
        "model", "task", "question_id", "topic", "estimator", "score", "answer", "correct",
    ]  # fmt: skip
    assert set(table.topic) == set(TOPICS)
    assert not table.duplicated(["question_id", "estimator"]).any()
    assert {"token_entropy", "post_answer_entropy", "masj_complexity", "random"} <= set(
        table.estimator
    )
    traces = scores(embedded_run, "mmlu_pro_cot", "embedded")
    assert {"cot_answer_entropy", "cot_mean_entropy", "masj_reasoning_steps"} <= set(
        traces.estimator
    )


def test_manifest_says_how_to_repeat_it(embedded_run: Path) -> None:
    manifest = json.loads((embedded_run / "embedded/mmlu_pro_direct/manifest.json").read_text())
    assert manifest["model"]["architecture"]
    assert manifest["model"]["dtype"] == "float32"
    assert len(manifest["model"]["fingerprint"]) == 32
    assert manifest["task"]["num_fewshot"] == 0
    assert set(manifest["task"]["prompts"]) == {"direct", "direct_system"}
    assert manifest["packages"]["lm_eval"]
    assert manifest["command"][:2] == ["apprehend", "run"]
    assert manifest["judges"]
    assert manifest["costs"]["answer"]["questions"] == 14 * 12


def test_judgements_are_taken_from_the_sister_task(embedded_run: Path) -> None:
    costs = json.loads((embedded_run / "embedded/mmlu_pro_cot/manifest.json").read_text())["costs"]
    (line,) = [value for name, value in costs.items() if name.startswith("judgement")]
    assert line["judgements"] == 0
    assert line["taken_from_other_tasks"] == 3 * 14 * 12


@pytest.mark.slow
def test_judge_labels_become_strata(embedded_run: Path, tmp_path: Path, cli: Run) -> None:
    quick = ("--formats", "png", "--replicates", 100)
    done = cli("report", embedded_run, *quick, "--output_path", tmp_path)
    assert done.returncode == 0, done.stderr
    assert {file.suffix for file in (tmp_path / "figures").iterdir()} == {".png", ".csv"}
    metrics = pd.read_csv(tmp_path / "metrics.csv")
    strata = {name.split("=")[0] for name in metrics.topic if "=" in name}
    assert {"education_level", "requires_reasoning", "reasoning_steps"} <= strata


def test_again_collects_nothing(embedded_run: Path, cli: Run) -> None:
    parts = sorted((embedded_run / "embedded").rglob("part-*.parquet"))
    done = cli("run", *EMBEDDED, "--limit", 12, "--output_path", embedded_run)
    assert done.returncode == 0, done.stderr
    assert sorted((embedded_run / "embedded").rglob("part-*.parquet")) == parts


@pytest.mark.slow
def test_only_missing_questions_are_asked(tmp_path: Path, cli: Run) -> None:
    out = tmp_path / "results"
    tasks = "mmlu_pro_direct_law,mmlu_pro_direct_math"
    given = (*EMBEDDED, "--estimators", "token_entropy")
    first = cli("run", *given, "--tasks", "mmlu_pro_direct_law", "--limit", 5,
                "--output_path", out)  # fmt: skip
    assert first.returncode == 0, first.stderr
    second = cli("run", *given, "--tasks", tasks, "--limit", 9, "--output_path", out)
    assert second.returncode == 0, second.stderr
    once = cli("run", *given, "--tasks", tasks, "--limit", 9, "--output_path", tmp_path / "once")
    assert once.returncode == 0, once.stderr
    manifest = json.loads((out / "embedded/mmlu_pro_direct/manifest.json").read_text())
    assert manifest["costs"]["answer"]["questions"] == 18
    both = [rows(f / "embedded/mmlu_pro_direct", "answer") for f in (out, tmp_path / "once")]
    assert both[0].question_id.tolist() == both[1].question_id.tolist()
    np.testing.assert_allclose(both[0].entropy, both[1].entropy, atol=1e-5)


@pytest.mark.slow
def test_kill_and_resume_loses_and_doubles_nothing(tmp_path: Path, cli: Run) -> None:
    arguments = [*EMBEDDED, "--tasks", "mmlu_pro_direct,mmlu_pro_cot", "--limit", "10",
                 "--judge", "hf", "--judge_args", "pretrained=embedded",
                 "--estimators", "token_entropy,cot_mean_entropy,masj_complexity"]  # fmt: skip
    whole = cli("run", *arguments, "--output_path", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    command = [sys.executable, "-m", "apprehend.benchmark", "run", *arguments]
    generator = random.Random(0)
    killed = tmp_path / "killed"
    for _ in range(4):
        process = subprocess.Popen(
            [*command, "--output_path", str(killed)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        answers = killed / "embedded" / "mmlu_pro_direct" / "signals"
        deadline = time.monotonic() + 120
        while not answers.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(generator.uniform(0, 2.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    last = cli("run", *arguments, "--output_path", killed)
    assert last.returncode == 0, last.stderr
    for task, names in {
        "mmlu_pro_direct": ("answer", "judgement"),
        "mmlu_pro_cot": ("trace", "judgement"),
    }.items():
        for name in names:
            one, other = (rows(tmp_path / f / "embedded" / task, name) for f in ("whole", "killed"))
            assert one.question_id.tolist() == other.question_id.tolist(), (task, name)
        first, second = (scores(tmp_path / f, task, "embedded") for f in ("whole", "killed"))
        key = ["question_id", "estimator"]
        first, second = (t.sort_values(key, ignore_index=True) for t in (first, second))
        np.testing.assert_allclose(first.score, second.score, atol=1e-4)
        pd.testing.assert_frame_equal(first.drop(columns="score"), second.drop(columns="score"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("--num_fewshot", 1), "num_fewshot"),
        (("--apply_chat_template",), "apply_chat_template"),
        (("--system_instruction", "Be brief."), "system_instruction"),
    ],
)
def test_other_settings_are_not_mixed_in(
    embedded_run: Path, cli: Run, change: tuple[Any, ...], what: str
) -> None:
    done = cli("run", *EMBEDDED, "--limit", 12, *change, "--output_path", embedded_run)
    assert done.returncode == 2
    assert what in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("group", "options"),
    [
        ("mmlu_pro_direct", ("whole",)),
        pytest.param("mmlu_pro_direct", ("--num_fewshot", "2"), marks=pytest.mark.slow),
        pytest.param("mmlu_pro_direct", ("--apply_chat_template",), marks=pytest.mark.slow),
        pytest.param("mmlu_pro_direct_numbered", (), marks=pytest.mark.slow),
        pytest.param("mmlu_pro_direct_dont_know", (), marks=pytest.mark.slow),
        ("mmlu_pro_cot", ()),
    ],
)
def test_same_as_lm_eval_question_by_question(
    tmp_path: Path, cli: Run, group: str, options: tuple[str, ...]
) -> None:
    tasks = ",".join(f"{group}_{topic_slug(topic)}" for topic in ("law", "math"))
    options = ("--limit", "40", *options)
    if "whole" in options:
        tasks, options = group, ()
    expected = lm_eval_samples(tmp_path / "lm_eval", tasks, *options)
    assert len(expected) == (80 if options else 1680)
    cot = STYLES[group].chain_of_thought
    done = cli("run", *EMBEDDED, "--tasks", tasks, *options, "--output_path", tmp_path / "ours",
               "--estimators", "cot_answer_entropy" if cot else "token_entropy")  # fmt: skip
    assert done.returncode == 0, done.stderr
    name = "trace" if cot else "answer"
    ours = rows(tmp_path / "ours" / "embedded" / group, name).set_index("question_id")
    assert sorted(expected) == ours.index.tolist()
    for question, sample in expected.items():
        assert float(sample["acc"]) == ours.correct[question], question
        if name == "answer":
            theirs = [float(pair[0][0]) for pair in sample["resps"]]
            ours_here = ours.scored_logprobs[question]
            if "--apply_chat_template" not in options:
                np.testing.assert_allclose(ours_here, theirs[: len(ours_here)], atol=1e-4)
        else:
            assert ours.text[question] == sample["resps"][0][0]


@pytest.mark.slow
def test_a_prompt_from_a_file_reaches_the_model(tmp_path: Path, cli: Run) -> None:
    template = tmp_path / "mine.jinja"
    template.write_text("{{ question }} {% for c in choices %}({{ c.label }}) {{ c.text }} "
                        "{% endfor %}=>", encoding="utf-8")  # fmt: skip
    out = tmp_path / "results"
    done = cli("run", *EMBEDDED, "--tasks", "mmlu_pro_direct_law", "--limit", 3,
               "--prompt", f"direct={template}", "--output_path", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    manifest = json.loads((out / "embedded/mmlu_pro_direct/manifest.json").read_text())
    assert manifest["task"]["prompt_texts"]["direct"] == template.read_text()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(embedded_file("model"))
    style, mine = STYLES["mmlu_pro_direct"], load_prompt("direct", template)
    lengths = rows(out / "embedded" / "mmlu_pro_direct", "answer").set_index("question_id")
    for question in read_questions(embedded_file("questions.parquet")):
        if int(question["question_id"]) in lengths.index:
            prompt = f"{render_system('law', style)}\n\n{render_user(question, style, mine)}"
            counted = lengths.prompt_tokens[int(question["question_id"])]
            assert counted == len(tokenizer.encode(prompt))
    again = cli("run", *EMBEDDED, "--tasks", "mmlu_pro_direct_law", "--limit", 3,
                "--output_path", out)  # fmt: skip
    assert again.returncode == 2
    assert "prompt templates" in again.stderr


@pytest.mark.slow
def test_options_from_a_config_file(tmp_path: Path, cli: Run) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        "model_args: {pretrained: embedded}\ndata: embedded\ntasks: [mmlu_pro_direct_law]\n"
        f"limit: 3\nestimators: [token_entropy, random]\noutput_path: {tmp_path / 'out'}\n",
        encoding="utf-8",
    )
    done = cli("run", "--config", config, "--device", "cpu", "--no_report")
    assert done.returncode == 0, done.stderr
    table = scores(tmp_path / "out", model="embedded")
    assert set(table.estimator) == {"token_entropy", "random"}
    config.write_text("modle_args: x\n", encoding="utf-8")
    wrong = cli("run", "--config", config)
    assert wrong.returncode == 2
    assert "did you mean 'model_args'" in wrong.stderr


@pytest.mark.slow
def test_a_local_model_of_another_folder_has_its_own_name(tmp_path: Path, cli: Run) -> None:
    from models import make_model

    model = make_model(tmp_path / "my-model", "qwen2")
    done = cli("run", "--model_args", f"pretrained={model}", "--data", "embedded", "--limit", 2,
               "--no_report",
               "--tasks", "mmlu_pro_direct_law,mmlu_pro_cot_law", "--num_fewshot", 1,
               "--apply_chat_template", "--device", "cpu",
               "--prompt", f"cot_system={_short(tmp_path)}",
               "--output_path", tmp_path / "out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "my-model" / "mmlu_pro_cot" / "scores.parquet").is_file()


def _short(folder: Path) -> Path:
    file = folder / "short.jinja"
    file.write_text("Think, then [[{{ label_kind }}]].", encoding="utf-8")
    return file


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_questions(
    tmp_path: Path, recorded_data: Path
) -> None:
    from models import make_model

    model = make_model(tmp_path / "tiny", "llama")
    peaks = {}
    for limit in ("40", "320"):
        command = [
            sys.executable, "-c",
            "import resource, sys; from apprehend.benchmark.cli import main\n"
            "try: main(sys.argv[1:])\nfinally: print('PEAK',"
            " resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)",
            "run", "--model_args", f"pretrained={model},max_length=256", "--data",
            str(recorded_data / "mmlu_pro_test.parquet"), "--limit", limit,
            "--tasks", "mmlu_pro_direct_law,mmlu_pro_direct_math,mmlu_pro_direct_physics",
            "--estimators", "token_entropy", "--device", "cpu",
            "--output_path", str(tmp_path / limit),
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**environment(), **os.environ}
        )
        peaks[limit] = int(done.stdout.rsplit("PEAK", 1)[1]) / 1024
    assert peaks["320"] < peaks["40"] + 150, peaks
