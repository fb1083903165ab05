"""Task files, their prompts, and the prompts rendered from questions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from apprehend.tasks import LETTERS, TOPICS, DataError
from apprehend.tasks.dataset import read_questions
from apprehend.tasks.generate import CONFIG_FOLDER, config_files
from apprehend.tasks.mmlu_pro import (
    STYLES,
    choice_labels,
    example_trace,
    gold_index,
    render_user,
    trace_results,
)
from apprehend.tasks.prompting import Prompt, load_prompt, prompt_names

ROW = {
    "question_id": 7,
    "question": "Which one?",
    "options": ["red", "green", "blue"],
    "answer": "C",
    "category": "law",
    "cot_content": "A: Let's think step by step. Green is out. The answer is (C).",
}


def test_committed_task_files_are_the_generated_ones() -> None:
    written = {
        str(path.relative_to(CONFIG_FOLDER)): path.read_text(encoding="utf-8")
        for path in CONFIG_FOLDER.rglob("*")
        if path.is_file()
    }
    assert written == config_files()


def test_lm_eval_finds_every_group_with_14_topics() -> None:
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(CONFIG_FOLDER), include_defaults=False)
    assert manager.all_groups == sorted(STYLES)
    assert len(manager.all_subtasks) == 14 * len(STYLES)


def test_direct_prompt() -> None:
    text = render_user(ROW, STYLES["mmlu_pro_direct"])
    assert text == "Question: Which one?\nOptions:\nA. red\nB. green\nC. blue\nAnswer:"
    assert choice_labels(ROW, STYLES["mmlu_pro_direct"]) == ["A", "B", "C"]
    assert gold_index(ROW) == 2


def test_numbered_and_dont_know_prompts() -> None:
    numbered = render_user(ROW, STYLES["mmlu_pro_direct_numbered"])
    assert "1. red\n2. green\n3. blue\n" in numbered
    unsure = STYLES["mmlu_pro_direct_dont_know"]
    assert "Z. I do not know" in render_user(ROW, unsure)
    assert choice_labels(ROW, unsure) == ["A", "B", "C", "Z"]


def test_question_text_is_never_taken_for_a_template() -> None:
    row = {**ROW, "question": "What is {{ 7 * 7 }}?", "options": ["{% raw %}", "49"]}
    text = render_user(row, STYLES["mmlu_pro_direct"])
    assert "{{ 7 * 7 }}" in text
    assert "A. {% raw %}" in text


def test_cot_targets_and_results() -> None:
    style = STYLES["mmlu_pro_cot"]
    assert example_trace(ROW, style) == "Green is out. [[C]]"
    assert example_trace(ROW, STYLES["mmlu_pro_cot_numbered"]) == "Green is out. [[3]]"
    assert trace_results(ROW, ["so it is [[C]]"], style) == {"acc": 1.0, "parsed": 1.0}
    assert trace_results(ROW, ["so it is C"], style) == {"acc": 0.0, "parsed": 0.0}


def test_prompt_from_a_file_and_its_errors(tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text("Q {{ question }} {{ choices|length }}", encoding="utf-8")
    assert render_user(ROW, STYLES["mmlu_pro_direct"], load_prompt("direct", file)) == (
        "Q Which one? 3"
    )
    with pytest.raises(DataError, match="did you mean 'direct'"):
        load_prompt("dirct")
    with pytest.raises(DataError, match="cannot read"):
        load_prompt("direct", tmp_path / "none")
    file.write_text("{{ question", encoding="utf-8")
    with pytest.raises(DataError, match="direct"):
        load_prompt("direct", file)
    with pytest.raises(DataError, match="nothing_such"):
        Prompt("direct", "{{ nothing_such }}").render(question="x")
    assert {"direct", "cot", "judge_rating"} <= set(prompt_names())


def test_templates_cannot_reach_python() -> None:
    with pytest.raises(DataError):
        Prompt("direct", "{{ question.__class__.__mro__ }}").render(question="x")


def test_the_real_benchmark(recorded_data: Path) -> None:
    rows = read_questions(recorded_data / "mmlu_pro_test.parquet")
    expected = {
        line.split(",")[0]: int(line.split(",")[1])
        for line in (recorded_data / "tables" / "paper_2503.01688_table1.csv")
        .read_text()
        .lower()
        .replace("mathematics", "math")
        .splitlines()[1:]
    }
    counts = Counter(sorted(row["category"] for row in rows))
    assert len(rows) == 12032
    assert tuple(counts) == TOPICS
    assert {k: v for k, v in counts.items() if k in expected} == {
        k: v for k, v in expected.items() if k in counts
    }
    # The letter counts: `answer_index` names another option once.
    raw = pd.read_parquet(recorded_data / "mmlu_pro_test.parquet")
    indices = raw.set_index(raw.question_id.astype(str)).answer_index
    conflicts = [
        row["question_id"] for row in rows if LETTERS[indices[row["question_id"]]] != row["answer"]
    ]
    assert conflicts == ["3983"]
    assert [row["answer"] for row in rows] == list(raw.answer)
    assert [row["options"] for row in rows] == [list(options) for options in raw.options]
    for style in STYLES.values():
        for row in rows[::97]:
            assert row["question"] in render_user(row, style)
