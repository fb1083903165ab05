"""Made-up questions in the schema of every data set that is recognized, and how they read."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """Rows of one schema.

    Attributes:
        rows: The rows; lists of cells for a table without header.
        reads: Per question that is kept: its text, the text of its right option, its topic.
        name: The data set's name.
        file: The file's name; its ending is the format.
        left_out: Why rows are left out → how many.
    """

    rows: list[Any]
    reads: list[tuple[str, str, str]]
    name: str
    file: str = "mine.jsonl"
    left_out: dict[str, int] = field(default_factory=dict)


def written(folder: Path, sample: Sample) -> Path:
    """Write a sample in its format."""
    file = folder / sample.file
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".csv":
        with file.open("w", encoding="utf-8", newline="") as text:
            cells = [list(row.values()) if isinstance(row, dict) else row for row in sample.rows]
            head = [list(sample.rows[0])] if isinstance(sample.rows[0], dict) else []
            csv.writer(text).writerows([*head, *cells])
    elif file.suffix == ".parquet":
        import pandas as pd

        pd.DataFrame(sample.rows).to_parquet(file)
    else:
        lines = (json.dumps(row, ensure_ascii=False) for row in sample.rows)
        file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return file


def choices(*texts: str, labels: str = "ABCDE") -> Row:
    return {"text": list(texts), "label": list(labels[: len(texts)])}


def listed(*texts: str, labels: str = "ABCDE") -> list[Row]:
    return [{"text": text, "label": label} for text, label in zip(texts, labels, strict=False)]


FOUR = {"A": "moss", "B": "fern", "C": "oak", "D": "pine"}
PLANTS = list(FOUR.values())
SUMS = ["three", "four", "five", "six"]
Q1, Q2 = "Which one has acorns?", "How much is two and two?"
GENERAL = "general knowledge"

SAMPLES: dict[str, Sample] = {
    "mmlu_pro": Sample(
        [
            {"question_id": 70, "question": Q1, "options": PLANTS, "answer": "C",
             "answer_index": 2, "cot_content": "A: Oaks have.", "category": "botany", "src": "x"},
            {"question_id": 71, "question": Q2, "options": SUMS, "answer": "B",
             "answer_index": 1, "cot_content": "", "category": "sums", "src": "y"},
        ],
        [(Q1, "oak", "botany"), (Q2, "four", "sums")],
        "mine",
    ),
    "mmlu_pro_columns": Sample(
        [{"question": Q1, "options": PLANTS, "answer": "(c)"},
         {"question": Q2, "options": SUMS, "answer": "four"}],
        [(Q1, "oak", GENERAL), (Q2, "four", GENERAL)],
        "mine",
        "mine.parquet",
    ),
    "mmlu_prox": Sample(
        [{"question_id": 7, "question": Q1, "answer": "C", "answer_index": 2, "category": "biology",
          "cot_content": "", "src": "", "question_id_src": 3,
          **{f"option_{i}": PLANTS[i] if i < 4 else None for i in range(10)}}],
        [(Q1, "oak", "biology")],
        "mmlu_prox",
        "test-00000-of-00001.parquet",
    ),
    "mmlu_hendrycks": Sample(
        [[Q1, *PLANTS, "C"], [Q2, *SUMS, "B"]],
        [(Q1, "oak", "high school botany"), (Q2, "four", "high school botany")],
        "mmlu_high_school_botany",
        "high_school_botany_test.csv",
    ),
    "mmlu": Sample(
        [{"question": Q1, "subject": "botany", "choices": PLANTS, "answer": 2},
         {"question": Q2, "subject": "elementary_mathematics", "choices": SUMS, "answer": 1}],
        [(Q1, "oak", "botany"), (Q2, "four", "elementary_mathematics")],
        "mmlu",
        "test.parquet",
    ),
    "mmlu_redux": Sample(
        [
            {"question": Q1, "choices": PLANTS, "answer": 2, "error_type": "ok", "source": "x",
             "correct_answer": None, "potential_reason": None},
            {"question": Q2, "choices": SUMS, "answer": 0, "error_type": "wrong_groundtruth",
             "source": "x", "correct_answer": "1", "potential_reason": "counted"},
            {"question": "?", "choices": SUMS, "answer": 0, "error_type": "bad_question_clarity",
             "source": "x", "correct_answer": None, "potential_reason": None},
        ],
        [(Q1, "oak", "anatomy")],
        "mmlu_redux_anatomy",
        "anatomy/data-00000-of-00001.parquet",
        {"error type wrong_groundtruth": 1, "error type bad_question_clarity": 1},
    ),
    "mmmlu": Sample(
        [{"Unnamed: 0": 0, "Question": Q1, **FOUR, "Answer": "C", "Subject": "botany"}],
        [(Q1, "oak", "botany")],
        "mmmlu",
        "mmlu_DE-DE.csv",
    ),
    "kmmlu": Sample(
        [{"question": Q1, "answer": 3, **FOUR, "Category": "Biology", "Human Accuracy": 0.5},
         {"question": Q2, "answer": 2, **dict(zip("ABCD", SUMS, strict=True)), "Category": "Math",
          "Human Accuracy": 0.9}],
        [(Q1, "oak", "Biology"), (Q2, "four", "Math")],
        "kmmlu",
        "Biology-test.csv",
    ),
    "arc": Sample(
        [{"id": "Mercury_1", "question": Q1, "choices": choices(*PLANTS), "answerKey": "C"},
         {"id": "Mercury_2", "question": Q2, "choices": choices(*SUMS, labels="1234"),
          "answerKey": "2"}],
        [(Q1, "oak", "science"), (Q2, "four", "science")],
        "arc_easy",
        "ARC-Easy/test-00000-of-00001.parquet",
    ),
    "openbookqa": Sample(
        [{"id": "7-980", "question_stem": Q1, "choices": choices(*PLANTS), "answerKey": "C"}],
        [(Q1, "oak", "science")],
        "openbookqa",
        "validation.jsonl",
    ),
    "commonsenseqa": Sample(
        [{"id": "1afa", "question": Q1, "question_concept": "tree",
          "choices": choices(*PLANTS, "cone"), "answerKey": "C"},
         {"id": "1afb", "question": Q2, "question_concept": "sum",
          "choices": choices(*SUMS, "one"), "answerKey": ""}],
        [(Q1, "oak", "common sense")],
        "commonsenseqa",
        "train.jsonl",
        left_out={"no right option is given": 1},
    ),
    "commonsenseqa_raw": Sample(
        [{"answerKey": "C", "id": "1afa", "question": {
            "question_concept": "tree", "choices": listed(*PLANTS), "stem": Q1}}],
        [(Q1, "oak", "common sense")],
        "commonsenseqa",
        "train_rand_split.jsonl",
    ),
    "ai2_raw": Sample(
        [{"id": "Mercury_1", "question": {"stem": Q1, "choices": listed(*PLANTS)},
          "answerKey": "C"}],
        [(Q1, "oak", "science")],
        "arc_easy",
        "ARC-Easy-Test.jsonl",
    ),
    "medqa": Sample(
        [{"question": Q1, "answer": "oak", "options": {**FOUR, "E": "yew"}, "meta_info": "step1",
          "answer_idx": "C", "metamap_phrases": ["acorns"]}],
        [(Q1, "oak", "medicine")],
        "medqa",
        "phrases_no_exclude_test.jsonl",
    ),
    "medqa_4_options": Sample(
        [{"id": "test-00000", "sent1": Q1, "sent2": "",
          **{f"ending{i}": text for i, text in enumerate(PLANTS)}, "label": 2}],
        [(Q1, "oak", "medicine")],
        "medqa_4_options",
        "dev.jsonl",
    ),
    "lettered_options": Sample(
        [{"question": Q1, "realidx": "a-1", "options": FOUR, "answer_idx": "C", "answer": "oak"}],
        [(Q1, "oak", "medicine")],
        "medmcqa_copy",
        "medmcqa_copy.jsonl",
    ),
    "medmcqa": Sample(
        [
            {"id": "e9-1", "question": Q1, "opa": "moss", "opb": "fern", "opc": "oak",
             "opd": "pine", "cop": 2, "choice_type": "single", "exp": None,
             "subject_name": "Anatomy", "topic_name": None},
            {"id": "e9-2", "question": Q2, "opa": "four", "opb": "five", "opc": "six",
             "opd": "two", "cop": 0, "choice_type": "single", "exp": "Count.",
             "subject_name": "Surgery", "topic_name": "x"},
            {"id": "e9-3", "question": "?", "opa": "a", "opb": "b", "opc": "c", "opd": "d",
             "cop": -1, "choice_type": "multi", "exp": None, "subject_name": "Surgery",
             "topic_name": None},
        ],
        [(Q1, "oak", "Anatomy"), (Q2, "four", "Surgery")],
        "medmcqa",
        "validation.parquet",
        {"no right option (cop is -1)": 1},
    ),
    "gpqa": Sample(
        [{"Pre-Revision Question": "?", "Question": Q1, "Correct Answer": "oak",
          "Incorrect Answer 1": "moss", "Incorrect Answer 2": "fern", "Incorrect Answer 3": "pine",
          "Explanation": "Oaks do.", "Subdomain": "Genetics", "High-level domain": "Biology",
          "Record ID": "rec06"},
         {"Pre-Revision Question": "?", "Question": Q2, "Correct Answer": "4",
          "Incorrect Answer 1": "3", "Incorrect Answer 2": "2", "Incorrect Answer 3": "1",
          "Explanation": "", "Subdomain": "Sums", "High-level domain": "Physics",
          "Record ID": "rec07"}],
        [(Q1, "oak", "Biology"), (Q2, "4", "Physics")],
        "gpqa_main",
        "gpqa_main.csv",
    ),
    "truthfulqa_mc1": Sample(
        [{"question": Q1, "mc1_targets": {"choices": ["oak", "moss", "fern"], "labels": [1, 0, 0]},
          "mc2_targets": {"choices": ["oak", "moss"], "labels": [1, 0]}}],
        [(Q1, "oak", GENERAL)],
        "truthfulqa_mc1",
        "validation-00000-of-00001.parquet",
    ),
    "truthfulqa_mc1_json": Sample(
        [{"question": Q1, "mc1_targets": {"oak": 1, "moss": 0, "fern": 0},
          "mc2_targets": {"oak": 1, "moss": 0}}],
        [(Q1, "oak", GENERAL)],
        "truthfulqa_mc1",
        "mc_task.jsonl",
    ),
    "supergpqa": Sample(
        [{"uuid": "0c", "question": Q1, "options": PLANTS, "answer": "oak", "answer_letter": "C",
          "discipline": "Agronomy", "field": "Forestry", "subfield": "Trees",
          "difficulty": "middle", "is_calculation": False}],
        [(Q1, "oak", "Agronomy")],
        "supergpqa_all",
        "SuperGPQA-all.jsonl",
    ),
    "agieval": Sample(
        [
            {"passage": "Oaks are trees.", "question": Q1,
             "options": [f"({letter}){text}" for letter, text in FOUR.items()], "label": "C",
             "other": None, "answer": None},
            {"passage": None, "question": Q2, "options": None, "label": None, "answer": "4",
             "other": None},
            {"passage": None, "question": Q2, "options": ["(A)four", "(B)five", "(C)4"],
             "label": ["A", "C"], "answer": None, "other": None},
        ],
        [(f"Oaks are trees.\n\n{Q1}", "oak", "lsat-rc")],
        "agieval_lsat_rc",
        "lsat-rc.jsonl",
        {"no options (a cloze question)": 1, "several right options": 1},
    ),
    "agieval_hub": Sample(
        [{"query": f"Q: {Q1} Answer Choices: (A)moss (B)fern (C)oak (D)pine\nA: Among A through D, "
          "the answer is", "choices": [f"({k}){v}" for k, v in FOUR.items()], "gold": [2]},
         {"query": f"Q: {Q2} Answer Choices: (A)four (B)five\nA: Among A through B, the answer is",
          "choices": ["(A)four", "(B)five"], "gold": [0]}],
        [(Q1, "oak", "lsat-ar"), (Q2, "four", "lsat-ar")],
        "agieval_lsat_ar",
        "lsat-ar/test-00000-of-00001.parquet",
    ),
    "choices": Sample(
        [{"id": "a", "question": Q1, "choices": PLANTS, "answer": "oak"},
         {"id": "b", "question": Q2, "choices": SUMS, "answer": "four"}],
        [(Q1, "oak", GENERAL), (Q2, "four", GENERAL)],
        "mine",
    ),
    "option_columns": Sample(
        [{"id": 0, "question": Q1, **FOUR, "answer": "C", "explanation": "Oaks do."}],
        [(Q1, "oak", GENERAL)],
        "accountant",
        "accountant_val.csv",
    ),
}  # fmt: skip
"""Preset → rows in its schema, and how they read."""
