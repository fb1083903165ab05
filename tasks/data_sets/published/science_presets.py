"""ARC, OpenBookQA, CommonsenseQA: questions with labeled choices, and an answer that names one."""

from __future__ import annotations

from ..preset import Preset

_HUB = {"options": "choices.text", "labels": "choices.label", "answer": "answerKey", "id": "id"}
_RAW = {
    "question": "question.stem",
    "options": "question.choices",
    "answer": "answerKey",
    "id": "id",
}

PRESETS = (
    Preset(
        name="arc",
        title="ARC",
        requires=("question", "choices.text", "choices.label", "answerKey"),
        columns={**_HUB, "question": "question", "topic": "'science'"},
        published="allenai/ai2_arc",
    ),
    Preset(
        name="openbookqa",
        title="OpenBookQA",
        requires=("question_stem", "choices.text", "choices.label", "answerKey"),
        columns={**_HUB, "question": "question_stem", "topic": "'science'"},
        knows=("fact1", "humanScore", "clarity", "turkIdAnonymized"),
        published="allenai/openbookqa",
    ),
    Preset(
        name="commonsenseqa",
        title="CommonsenseQA",
        requires=("question", "question_concept", "choices.text", "choices.label", "answerKey"),
        columns={**_HUB, "question": "question", "topic": "'common sense'"},
        published="tau/commonsense_qa",
    ),
    Preset(
        name="commonsenseqa_raw",
        title="CommonsenseQA (original JSONL)",
        requires=("question.stem", "question.choices", "question.question_concept", "answerKey"),
        columns={**_RAW, "topic": "'common sense'"},
        published="tau-nlp.org",
    ),
    Preset(
        name="ai2_raw",
        title="stem and choices, as in the original ARC and OpenBookQA",
        requires=("question.stem", "question.choices", "answerKey"),
        columns={**_RAW, "topic": "'science'"},
        is_data_set=False,  # both are written alike
        published="allenai.org",
    ),
)
