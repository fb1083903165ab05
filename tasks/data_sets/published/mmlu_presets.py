"""MMLU and its relatives."""

from __future__ import annotations

from ..preset import Preset, Row

OPTIONS = "A+B+C+D"


def _redux(row: Row) -> str | None:
    kind = str(row.get("error_type") or "").strip()
    return None if kind == "ok" else f"error type {kind or 'missing'}"


PRESETS = (
    Preset(
        name="mmlu_pro",
        title="MMLU-Pro's columns",
        requires=("question_id", "question", "options", "answer", "category"),
        columns={
            "id": "question_id",
            "question": "question",
            "options": "options",
            "answer": "answer",
            "check": "answer_index",
            "topic": "category",
            "source": "src",
            "explanation": "cot_content",
        },
        is_data_set=False,  # others write their questions in its schema
        check_base=0,
        published="TIGER-Lab/MMLU-Pro",
    ),
    Preset(
        name="mmlu_pro_columns",
        title="MMLU-Pro's columns without topics",
        requires=("question", "options", "answer"),
        columns={
            "id": ("question_id", "id"),
            "question": "question",
            "options": "options",
            "answer": "answer",
            "check": "answer_index",
            "topic": ("category", "subject", "topic", "'general knowledge'"),
            "source": "src",
            "explanation": "cot_content",
        },
        is_data_set=False,
        check_base=0,
    ),
    Preset(
        name="mmlu_prox",
        title="MMLU-ProX",
        requires=("question", "option_0", "option_1", "answer", "category"),
        columns={
            "id": "question_id",
            "question": "question",
            "options": "+".join(f"option_{number}" for number in range(10)),
            "answer": "answer",
            "check": "answer_index",
            "topic": "category",
            "source": "src",
            "explanation": "cot_content",
        },
        knows=("question_id_src",),
        check_base=0,
        published="li-lab/MMLU-ProX",
    ),
    Preset(
        name="mmlu_hendrycks",
        title="MMLU (hendrycks, CSV without header)",
        requires=(),
        columns={},
        header=False,
        note="the topic is the file's name",
        published="hendrycks/test",
    ),
    Preset(
        name="mmlu_redux",
        title="MMLU-Redux",
        requires=("question", "choices", "answer", "error_type"),
        columns={
            "question": "question",
            "options": "choices",
            "answer": "answer",
            "topic": ("subject", "@file"),
        },
        knows=("source", "correct_answer", "potential_reason", "subject"),
        index_base=0,
        left_out=_redux,
        note="questions of error type ok are kept, all others are left out",
        published="edinburgh-dawg/mmlu-redux-2.0",
    ),
    Preset(
        name="mmlu",
        title="MMLU (hub)",
        requires=("question", "subject", "choices", "answer"),
        columns={
            "question": "question",
            "options": "choices",
            "answer": "answer",
            "topic": "subject",
        },
        index_base=0,
        published="cais/mmlu",
    ),
    Preset(
        name="mmmlu",
        title="MMMLU",
        requires=("Question", "A", "B", "C", "D", "Answer", "Subject"),
        columns={
            "question": "Question",
            "options": OPTIONS,
            "answer": "Answer",
            "topic": "Subject",
        },
        knows=("", "Unnamed: 0"),
        published="openai/MMMLU",
    ),
    Preset(
        name="kmmlu",
        title="KMMLU",
        requires=("question", "answer", "A", "B", "C", "D", "Category"),
        columns={
            "question": "question",
            "options": OPTIONS,
            "answer": "answer",
            "topic": "Category",
        },
        knows=("Human Accuracy",),
        index_base=1,
        published="HAERAE-HUB/KMMLU",
    ),
)
