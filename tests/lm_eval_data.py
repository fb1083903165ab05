"""Small local files in the schemas of public data sets, as ``--data FOLDER`` reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SUBJECTS = ("anatomy", "astronomy", "virology")
WORDS = ("river", "stone", "house", "garden", "window", "bridge", "lamp", "winter", "copper")


def word(number: int) -> str:
    return f"{WORDS[number % len(WORDS)]} {number}"


def options(number: int, count: int = 4) -> list[str]:
    """Distinct texts of different lengths."""
    return [word(7 * number + 3 * place) + " and more" * place for place in range(count)]


def write(folder: Path, name: str, rows: Sequence[dict[str, Any]]) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def mmlu(number: int, subject: str) -> dict[str, Any]:
    return {
        "question": f"Which of these does {subject} know as {word(number)}?",
        "subject": subject,
        "choices": options(number),
        "answer": number % 4,
    }


def arc(number: int) -> dict[str, Any]:
    count = 3 + number % 2
    return {
        "id": f"Mercury_{number}",
        "question": f"What is found below {word(number)}?",
        "choices": {"text": options(number, count), "label": list("ABCD"[:count])},
        "answerKey": "ABC"[number % 3],
    }


def gpqa(number: int) -> dict[str, Any]:
    texts = options(number)
    return {
        "Question": f"Which substance turns {word(number)} blue?",
        "Correct Answer": texts[0],
        **{f"Incorrect Answer {place}": texts[place] for place in (1, 2, 3)},
        "Subdomain": "Optics",
        "Record ID": f"rec{number}",
    }


def commonsense(number: int) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "question": f"Where would you look for {word(number)}?",
        "question_concept": "look",
        "choices": {"label": list("ABCDE"), "text": options(number, 5)},
        "answerKey": "ABCDE"[number % 5],
    }


def medmcqa(number: int) -> dict[str, Any]:
    texts = options(number)
    return {
        "id": f"uuid-{number}",
        "question": f"Which drug acts on {word(number)}?",
        **dict(zip(("opa", "opb", "opc", "opd"), texts, strict=True)),
        "cop": number % 4,
        "choice_type": "single",
        "exp": "",
        "subject_name": "Surgery" if number % 2 else "Anatomy",
        "topic_name": "",
    }


def hellaswag(number: int) -> dict[str, Any]:
    return {
        "ind": number,
        "activity_label": "Building",
        "ctx_a": f"A man carries {word(number)}.",
        "ctx_b": "he",
        "ctx": f"A man carries {word(number)}. he",
        "endings": [f"walks to {text}." for text in options(number)],
        "label": str(number % 4),
        "source_id": "x",
        "split": "val",
        "split_type": "indomain",
    }


def truthful(number: int) -> dict[str, Any]:
    texts = options(number, 3 + number % 2)
    right = {"choices": texts, "labels": [1] + [0] * (len(texts) - 1)}
    return {"question": f"What is true of {word(number)}?", "mc1_targets": right,
            "mc2_targets": right}  # fmt: skip


def winogrande(number: int) -> dict[str, Any]:
    return {
        "sentence": f"Ann gave Eva the {word(number)} because _ was kind.",
        "option1": "Ann",
        "option2": "Eva",
        "answer": str(1 + number % 2),
    }


def mmlu_pro(number: int, category: str) -> dict[str, Any]:
    texts = options(number, 5)
    return {
        "question_id": 100 + number,
        "question": f"Which is the {category} of {word(number)}?",
        "options": texts,
        "answer": "ABCDE"[number % 5],
        "answer_index": number % 5,
        "cot_content": "A: Let's think step by step. It is so. The answer is (A).",
        "category": category,
        "src": "made",
    }


def write_hub(folder: Path, count: int = 5) -> Path:
    """Write all data sets below ``folder``, laid out as on the hub; returns it."""
    numbers, others = range(count), range(count, 2 * count)  # examples are other questions
    for subject in SUBJECTS:
        for split in ("test", "validation", "dev"):
            rows = [mmlu(number, subject) for number in (others if split == "dev" else numbers)]
            write(folder, f"cais/mmlu/{subject}/{split}.jsonl", rows)
    for split in ("test", "validation", "train"):
        rows = [arc(number) for number in (others if split == "train" else numbers)]
        write(folder, f"allenai/ai2_arc/ARC-Challenge/{split}.jsonl", rows)
    write(folder, "Idavidrein/gpqa/gpqa_main/train.jsonl", [gpqa(n) for n in numbers])
    for name, make in (
        ("tau/commonsense_qa", commonsense),
        ("openlifescienceai/medmcqa", medmcqa),
        ("Rowan/hellaswag", hellaswag),
        ("truthfulqa/truthful_qa/multiple_choice", truthful),
        ("allenai/winogrande/winogrande_xl", winogrande),
    ):
        for split in ("train", "validation"):
            write(folder, f"{name}/{split}.jsonl", [make(number) for number in numbers])
    for split in ("test", "validation"):
        rows = [mmlu_pro(n, c) for c in ("law", "math") for n in numbers]
        rows = [{**row, "question_id": 100 + i} for i, row in enumerate(rows)]
        write(folder, f"TIGER-Lab/MMLU-Pro/{split}.jsonl", rows)
    return folder
