"""MedQA and MedMCQA."""

from __future__ import annotations

from ..preset import Preset, Row


def _unlabeled(row: Row) -> str | None:
    return "no right option (cop is -1)" if str(row.get("cop")).strip() in ("-1", "-1.0") else None


PRESETS = (
    Preset(
        name="medqa",
        title="MedQA",
        requires=("question", "options", "answer", "answer_idx", "meta_info"),
        columns={
            "id": ("realidx", "id"),
            "question": "question",
            "options": "options",
            "answer": "answer_idx",
            "check": "answer",
            "topic": "'medicine'",
            "source": "meta_info",
        },
        knows=("metamap_phrases",),
        published="GBaker/MedQA-USMLE-4-options, jind11/MedQA",
    ),
    Preset(
        name="lettered_options",
        title="options by letter and answer_idx, as in MedQA",
        requires=("question", "options", "answer_idx"),
        columns={
            "id": ("realidx", "question_id", "id"),
            "question": "question",
            "options": "options",
            "answer": "answer_idx",
            "check": "answer",
            "topic": ("subject_name", "category", "subject", "topic", "'medicine'"),
        },
        is_data_set=False,  # copies of several medical data sets are written so
    ),
    Preset(
        name="medqa_4_options",
        title="MedQA (endings)",
        requires=("sent1", "ending0", "ending1", "ending2", "ending3", "label"),
        columns={
            "id": "id",
            "question": "sent1",
            "options": "ending0+ending1+ending2+ending3",
            "answer": "label",
            "topic": "'medicine'",
        },
        knows=("sent2",),
        index_base=0,
        published="GBaker/MedQA-USMLE-4-options-hf",
    ),
    Preset(
        name="medmcqa",
        title="MedMCQA",
        requires=("question", "opa", "opb", "opc", "opd", "cop"),
        columns={
            "id": "id",
            "question": "question",
            "options": "opa+opb+opc+opd",
            "answer": "cop",
            "topic": ("subject_name", "'medicine'"),
            "explanation": "exp",
        },
        knows=("choice_type", "topic_name"),
        left_out=_unlabeled,
        published="openlifescienceai/medmcqa",
    ),
)
