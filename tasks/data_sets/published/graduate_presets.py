"""GPQA, SuperGPQA and TruthfulQA."""

from __future__ import annotations

from collections.abc import Mapping

from ...files.table_reader import FileTable
from ..preset import ANY, Preset, Row

_SHUFFLED = "the options are shuffled once, by the question's id"


def _targets(table: FileTable) -> bool:
    """Whether targets are written as text → 0 or 1."""
    first = table.rows[0].get("mc1_targets") if table.rows else None
    return isinstance(first, Mapping) and set(first) != {"choices", "labels"}


def _as_lists(row: Row) -> Row:
    targets = row.get("mc1_targets")
    if not isinstance(targets, Mapping):
        return row
    return {**row, "mc1_targets": {"choices": list(targets), "labels": list(targets.values())}}


_MC1 = {
    "question": "question",
    "options": "mc1_targets.choices",
    "answer": "mc1_targets.labels",
    "topic": ("category", "'general knowledge'"),
}

PRESETS = (
    Preset(
        name="gpqa",
        title="GPQA",
        requires=(
            *("Question", "Correct Answer"),
            *(f"Incorrect Answer {number}" for number in (1, 2, 3)),
        ),
        columns={
            "id": "Record ID",
            "question": "Question",
            "answer": "Correct Answer",
            "incorrect": "Incorrect Answer 1+Incorrect Answer 2+Incorrect Answer 3",
            "topic": ("High-level domain", "'science'"),
            "source": "Subdomain",
            "explanation": "Explanation",
        },
        knows=ANY,
        shuffled=True,
        note=_SHUFFLED,
        published="Idavidrein/gpqa",
    ),
    Preset(
        name="truthfulqa_mc1",
        title="TruthfulQA (MC1)",
        requires=("question", "mc1_targets.choices", "mc1_targets.labels"),
        columns=_MC1,
        knows=("mc2_targets",),
        shuffled=True,
        note=_SHUFFLED,
        published="truthfulqa/truthful_qa",
    ),
    Preset(
        name="truthfulqa_mc1_json",
        title="TruthfulQA (MC1, original JSON)",
        requires=("question", "mc1_targets"),
        columns=_MC1,
        knows=("mc2_targets", "mc0_targets"),
        shuffled=True,
        fits=_targets,
        prepare=_as_lists,
        note=_SHUFFLED,
        published="sylinrl/TruthfulQA, mc_task.json",
    ),
    Preset(
        name="supergpqa",
        title="SuperGPQA",
        requires=("uuid", "question", "options", "answer_letter", "discipline"),
        columns={
            "id": "uuid",
            "question": "question",
            "options": "options",
            "answer": "answer_letter",
            "check": "answer",
            "topic": "discipline",
            "source": "field",
        },
        knows=("subfield", "difficulty", "is_calculation"),
        published="m-a-p/SuperGPQA",
    ),
)
