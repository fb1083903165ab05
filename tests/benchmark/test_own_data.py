"""Runs over files of one's own: every schema reaches a report, with every kind of signal."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from apprehend.benchmark.run.asking.loaded_task import TaskOptions
from apprehend.benchmark.run.asking.task_loading import expand_tasks, load_tasks
from apprehend.benchmark.store.task_store import Results
from apprehend.estimators import Signal
from apprehend.tasks.data_sets.column_map import FIELDS, SETTINGS, parse_columns
from apprehend.tasks.data_sets.preset import presets
from apprehend.tasks.own_tasks import own_tasks
from helpers import ROOT, in_process, rows
from own_data import Q1, Q2, SAMPLES, written

RUN = ("run", "--model_args", "pretrained=embedded", "--device", "cpu")
CASES = Path(os.environ.get("APPREHEND_CASES", ROOT.parent / "shared" / "cases"))


def questions(folder: Path, topics: int = 2, each: int = 4, name: str = "trees.jsonl") -> Path:
    """A file of questions in a schema of its own."""
    rows = [
        {
            "key": f"{topic}-{i}", "stem": f"How much is {topic} and {i}?",
            "choices": [str(topic + i + step) for step in range(4)], "label": "ABCD"[i % 4],
            "subject": f"Topic {topic}/{topic}",
        }
        for topic in range(topics)
        for i in range(each)
    ]  # fmt: skip
    for row in rows:  # the right sum at the place of the label
        row["choices"].insert("ABCD".index(row["label"]), row["choices"].pop(0))  # type: ignore[attr-defined]
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


COLUMNS = "id=key,question=stem,options=choices,answer=label,topic=subject"


def manifest(store: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((store / "manifest.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.slow
def test_every_schema_reaches_a_report(tmp_path: Path) -> None:
    out = tmp_path / "results"
    expected: dict[str, set[str]] = {}
    for number, (preset, sample) in enumerate(SAMPLES.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        name = f"{preset}_here"
        done = in_process(
            [*RUN, "--data", written(folder, sample), "--data_columns", f"name={name}",
             "--estimators", "token_entropy,option_entropy", "--no_report", "--output_path", out],
            tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, (preset, done.stderr)
        stored = pd.read_parquet(out / "embedded" / f"{name}_direct" / "questions.parquet")
        assert Counter(stored.topic) == Counter(topic for *_, topic in sample.reads)
        rights = [row.options["ABCDEFGHIJ".index(row.gold)] for row in stored.itertuples()]
        assert sorted(rights) == sorted(right for _, right, _ in sample.reads)
        expected[f"{name}_direct"] = set(stored.topic)
    quick = ("--replicates", 100, "--formats", "svg")
    done = in_process(["report", out, "--output_path", tmp_path / "report", *quick], tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = pd.read_csv(tmp_path / "report" / "metrics.csv")
    assert {task: topics <= set(metrics[metrics.task == task].topic) for task, topics in
            expected.items()} == dict.fromkeys(expected, True)  # fmt: skip


@pytest.mark.slow
def test_every_kind_of_signal(tmp_path: Path) -> None:
    """Answers, chains of thought, samples, perturbations, self-reports, hidden states, a judge."""
    file, out = questions(tmp_path), tmp_path / "results"
    arguments = [
        *RUN, "--data", file, "--data_columns", COLUMNS, "--tasks", "direct,cot",
        "--num_fewshot", 2, "--judge", "hf", "--judge_args", "pretrained=embedded",
        "--samples", 2, "--output_path", out, "--gen_kwargs", "max_gen_toks=24",
        "--estimators", "token_entropy,vote_entropy,p_true,permutation_entropy,"
        "prompt_consistency,question_ablation,instruction_gap,masj_complexity,cot_mean_entropy",
    ]  # fmt: skip
    done = in_process(arguments, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{file}: columns as given; 8 questions, 2 topics; stored as trees_…" in done.stderr
    assert "few-shot: 16 of 16 questions are among the examples" in done.stderr
    assert sorted(p.name for p in (out / "embedded").iterdir()) == ["trees_cot", "trees_direct"]
    scores = pd.read_parquet(out / "embedded" / "trees_direct" / "scores.parquet")
    assert set(scores.topic) == {"Topic 0/0", "Topic 1/1"}
    counts = scores.groupby("estimator").score.count()
    assert counts.drop("vote_entropy").min() == 8  # the model may sample no letter at all
    assert rows(out / "embedded" / "trees_direct", "samples").question_id.nunique() == 8
    metrics = pd.read_csv(out / "report" / "metrics.csv")
    assert {"Topic 0/0", "Topic 1/1", "all", "macro"} <= set(metrics.topic)
    data = manifest(out / "embedded" / "trees_direct")["data"]
    assert data["columns"]["question"] == "stem"
    assert data["schema"] == "columns as given"
    again = in_process(arguments, tmp_path)
    assert again.returncode == 0, again.stderr
    store = Results(out).open("embedded", "trees_direct")
    assert len(store.done(Signal.ANSWER)) == 8
    # Other columns, other questions: refused, and nothing changes.
    before = {p: p.read_bytes() for p in out.rglob("*.parquet")}
    other = [COLUMNS.replace("id=key,", "") if a == COLUMNS else a for a in arguments]
    refused = in_process(other, tmp_path)
    assert refused.returncode == 2
    assert "the questions (" in refused.stderr.splitlines()[-1]
    refused = in_process(
        [COLUMNS.replace("subject", "'x'") if a == COLUMNS else a for a in arguments], tmp_path
    )
    assert refused.returncode == 2
    assert "the questions' topics" in refused.stderr.splitlines()[-1]
    assert {p: p.read_bytes() for p in out.rglob("*.parquet")} == before


def test_names_of_tasks(tmp_path: Path) -> None:
    own = own_tasks(str(questions(tmp_path)), COLUMNS)
    assert own is not None
    for group in ("direct", "mmlu_pro_direct", "trees_direct"):
        assert expand_tasks(group, None, own) == [
            "trees_direct_topic_0_0",
            "trees_direct_topic_1_1",
        ]
    assert expand_tasks("cot_numbered_topic_1_1", None, own) == ["trees_cot_numbered_topic_1_1"]
    assert own_tasks("embedded") is None
    assert own_tasks(None) is None
    same = written(tmp_path, SAMPLES["mmlu_pro"])
    assert own_tasks(str(same)) is not None  # topics of its own
    rows = [{**row, "category": "law"} for row in SAMPLES["mmlu_pro"].rows]
    same.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert own_tasks(str(same)) is None  # asked as MMLU-Pro


def context(data: Path, **options: Any) -> dict[str, str]:
    """Return question id → prompt of the direct tasks."""
    columns = options.pop("data_columns", None)
    own = own_tasks(str(data), columns)
    names = expand_tasks("mmlu_pro_direct", None, own)
    loaded = load_tasks(names, TaskOptions(str(data), data_columns=columns, **options))
    return {
        str(question.question_id): task.task.fewshot_context(
            question.row, num_fewshot=options.get("num_fewshot", 0)
        )
        for task in loaded
        for question in task.questions()
    }


def test_prompts_and_examples(tmp_path: Path) -> None:
    """Examples are the first other questions of the topic; the question is never one of them."""
    prompts = context(questions(tmp_path), data_columns=COLUMNS, num_fewshot=2)

    def turn(topic: int, i: int) -> str:
        texts = [str(topic + i + step) for step in range(4)]
        texts.insert(i % 4, texts.pop(0))
        options = "".join(f"{'ABCD'[k]}. {text}\n" for k, text in enumerate(texts))
        return f"Question: How much is {topic} and {i}?\nOptions:\n{options}Answer:"

    assert len(prompts) == 8
    for topic in range(2):
        for i in range(4):
            others = [j for j in range(4) if j != i][:2]
            examples = "".join(f"{turn(topic, j)} {'ABCD'[j]}\n\n" for j in others)
            assert prompts[f"{topic}-{i}"] == (
                f"The next question is about Topic {topic}/{topic}. Reply with the letter of the "
                f"one correct option, and with nothing else.\n\n{examples}{turn(topic, i)}"
            )


def test_examples_of_another_file_leave_the_question_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where its options stand in another order there, and under another id."""
    file = written(tmp_path, SAMPLES["kmmlu"])  # one question of each topic
    frame = pd.read_csv(file)
    frame["Category"] = "Biology"
    frame.to_csv(file, index=False)
    examples = pd.concat([frame, frame], ignore_index=True)
    examples.loc[2:, "question"] += " Again."
    examples.loc[0, ["A", "B", "C", "D", "answer"]] = ["oak", "pine", "fern", "moss", 1]
    examples.to_csv(tmp_path / "examples.csv", index=False)
    prompts = context(file, num_fewshot=3, fewshot_data=str(tmp_path / "examples.csv"))
    assert "few-shot: 2 of 2 questions are among the examples" in capsys.readouterr().err
    for own, other, prompt in ((Q1, Q2, prompts["0"]), (Q2, Q1, prompts["1"])):
        assert prompt.count("Question: ") == 4
        assert prompt.count(f"Question: {own}\n") == 1  # as the question that is asked
        assert prompt.count(f"Question: {other}\n") == 1


def test_a_perturbed_question_shows_the_same_examples(tmp_path: Path) -> None:
    file = questions(tmp_path)
    own = own_tasks(str(file), COLUMNS)
    (task, _) = load_tasks(
        expand_tasks("direct", None, own),
        TaskOptions(str(file), num_fewshot=3, data_columns=COLUMNS),
    )
    for question in task.questions():
        changed = {**question.row, "question": "", "options": question.row["options"][::-1]}
        prompt = task.task.fewshot_context(changed, num_fewshot=3)
        assert question.row["question"] not in prompt


@pytest.mark.parametrize("preset", ["gpqa", "mmlu_hendrycks", "medmcqa", "mmlu_redux"])
def test_what_was_understood_is_shown(preset: str, tmp_path: Path) -> None:
    """Before any model is loaded: schema, counts, topics, what is left out, and prompts."""
    sample = SAMPLES[preset]
    done = in_process(["data", written(tmp_path, sample), "--questions", 2], tmp_path)
    assert done.returncode == 0, done.stderr
    shown = done.stdout
    for question, _, topic in sample.reads:
        assert f"Question: {question}" in shown
        assert f"The next question is about {topic.replace('_', ' ')}." in shown
    assert f"task {sample.name}_direct" in shown
    assert f"4: {len(sample.reads)}" in shown  # options per question
    for why, count in sample.left_out.items():
        assert f"questions left out, {why}: {count} (" in shown
    if sample.left_out:
        assert f"({sum(sample.left_out.values())} left out)" in shown


def test_control_characters_are_shown_escaped(tmp_path: Path) -> None:
    row = {"question": "a\x1b[31m\u202eb", "options": ["x\x07", "y"], "answer": "A"}
    (tmp_path / "d.jsonl").write_text(json.dumps(row), encoding="utf-8")
    done = in_process(["data", tmp_path / "d.jsonl"], tmp_path)
    assert done.returncode == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)
    assert "\\x1b[31m" in done.stdout


def test_the_list_of_presets() -> None:
    done = in_process(["list", "presets"], ROOT)
    assert done.returncode == 0
    for name in SAMPLES:
        assert name in done.stdout


KNOWN = {
    "b55-data-own-topics/case.jsonl": ("case_direct", 6, {"Math"}, "A" * 6),
    "b55-data-own-topics/t.jsonl": ("t_direct", 6, {"management"}, "A" * 6),
    "b58-data-odd/dup_questions.jsonl": ("mmlu_pro_direct", 4, {"math"}, "AAAA"),
    "b58-data-odd/hugeid.jsonl": ("mmlu_pro_direct", 3, {"math"}, "AAA"),
    "b58-data-odd/index_answer.jsonl": ("mmlu_pro_direct", 1, {"math"}, "A"),
    "b58-data-odd/lower.jsonl": ("mmlu_pro_direct", 1, {"math"}, "A"),
    "b58-data-odd/paren.jsonl": ("mmlu_pro_direct", 1, {"math"}, "A"),
    "b58-data-odd/na_padding.jsonl": ("mmlu_pro_direct", 3, {"math"}, "AAA"),
    "b58-data-odd/none_options.jsonl": ("mmlu_pro_direct", 1, {"math"}, "A"),
    "f34-data-hendrycks-csv/anatomy_test.csv": ("mmlu_anatomy_direct", 59, {"anatomy"}, None),
    "f36-data-medqa/d.jsonl": ("medqa_direct", 50, {"medicine"}, None),
    "f37-data-medmcqa/d.jsonl": ("d_direct", 50, {"medicine"}, None),
    "f40-data-arc-hf/d.jsonl": ("arc_direct", 43, {"science"}, None),
    "f41-data-gpqa-csv/gpqa_diamond.csv": (
        "gpqa_diamond_direct", 60, {"Biology", "Physics", "Chemistry"}, None),
    "f43-data-supergpqa/SuperGPQA-all.jsonl": ("supergpqa_all_direct", 40, {"Medicine"}, "A" * 40),
    "f45-data-converted-own-topic/d.jsonl": ("d_direct", 40, {"anatomy"}, None),
}  # fmt: skip
"""Public file → task, questions, topics, right options."""
REFUSED = {
    "26.jsonl": "line 1, column 'options': expected 2 to 25 options, got 26",
    "conflict.jsonl": "line 1, column 'answer_index': 2 contradicts 'A'",
    "emoji_rtl_empty.jsonl": "line 3, column 'options'",
    "ids.jsonl": "line 2, column 'question_id': duplicate id 1, first in line 1",
}


def case_file(name: str) -> Path:
    if not (CASES / name).is_file():
        pytest.skip(f"no {CASES / name}; set APPREHEND_CASES")
    return CASES / name


@pytest.mark.parametrize("name", KNOWN)
def test_public_files_are_understood(name: str, tmp_path: Path) -> None:
    file = case_file(name)
    group, count, topics, golds = KNOWN[name]
    done = in_process(["data", file], tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"task {group}: all topics" in done.stdout
    assert done.stdout.count("── question") == min(3, count)
    own = own_tasks(str(file))
    loaded = load_tasks(expand_tasks("mmlu_pro_direct", None, own), TaskOptions(str(file)))
    rows = [task.stored(question) for task in loaded for question in task.questions()]
    assert len(rows) == count
    assert {row["topic"] for row in rows} == topics
    assert len({row["question_id"] for row in rows}) == count
    if golds is not None:
        assert "".join(str(row["gold"]) for row in rows) == golds
    elif name.endswith(".csv") and name.startswith("f34"):
        raw = pd.read_csv(file, header=None)
        assert [row["gold"] for row in rows] == list(raw[5])
        assert [row["options"] for row in rows] == raw[[1, 2, 3, 4]].astype(str).to_numpy().tolist()
    elif name.startswith("f41"):
        raw = pd.read_csv(file).set_index("Record ID")
        for row in rows:
            right = row["options"]["ABCD".index(str(row["gold"]))]  # type: ignore[index]
            assert right == raw.loc[row["question_id"], "Correct Answer"]
    else:
        raws = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        wanted = [r.get("answer_idx") or r.get("answerKey") or r["answer"] for r in raws]
        labels = [r["choices"]["label"] if "choices" in r else "ABCD" for r in raws]
        places = [list(own).index(gold) for own, gold in zip(labels, wanted, strict=True)]
        assert [row["gold"] for row in rows] == ["ABCD"[place] for place in places]


@pytest.mark.parametrize("name", REFUSED)
def test_public_files_that_are_refused(name: str, tmp_path: Path) -> None:
    file = case_file(f"b58-data-odd/{name}")
    done = in_process([*RUN, "--data", file, "--output_path", tmp_path / "r"], tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert f"{file}, {REFUSED[name]}" in line
    assert not (tmp_path / "r").exists()


def test_the_documented_files_are_understood(tmp_path: Path) -> None:
    """One line of the page for each schema, with its file and the task of its results."""
    page = (ROOT / "docs" / "your_own_data.md").read_text(encoding="utf-8")
    table = page[page.index("| schema |") : page.index("A file with further columns")]
    rows = [line.strip("| \n").split(" | ") for line in table.strip().splitlines()[2:]]
    assert len(rows) == len(SAMPLES)
    documented = {row[0]: row for row in rows}
    for number, (preset, sample) in enumerate(SAMPLES.items()):
        title, _, file, topics, task = documented[presets()[preset].title]
        assert file == f"`--data {sample.file}`"
        written(tmp_path / str(number) / "x", sample)
        done = in_process(["data", sample.file, "--questions", 0], tmp_path / str(number) / "x")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{sample.file}: {title}\n")
        assert f"task {task.strip('`')}: all topics" in done.stdout
        columns = [name.strip("`") for name in topics.split(", else ")]
        assert any(f"topic      {name}" in done.stdout or name in done.stdout for name in columns)
    for name, what in {**FIELDS, **SETTINGS}.items():
        assert f"| `{name}` | {what} |" in page
    for command in re.findall(r"^apprehend data \S+ --data_columns (\S.*)$", page, re.M):
        assert parse_columns(command.strip('"').replace("\"'law'\"", "'law'")).columns


def test_other_columns_and_examples_in_a_config_file(tmp_path: Path) -> None:
    file = questions(tmp_path)
    config = tmp_path / "run.yaml"
    config.write_text(f"data: {file}\ndata_columns: {COLUMNS}\n", encoding="utf-8")
    done = in_process(
        [*RUN, "--config", config, "--limit", 1, "--estimators", "option_entropy", "--no_report",
         "--tasks", "direct_topic_1_1", "--output_path", tmp_path / "r"], tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores = pd.read_parquet(tmp_path / "r" / "embedded" / "trees_direct" / "scores.parquet")
    assert list(scores.question_id) == ["1-0"]
