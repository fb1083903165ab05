"""AGIEval, and columns that many data sets share."""

from __future__ import annotations

import re

from ...files.cells import as_list
from ..preset import Preset, Row

_CHOICES = re.compile(r"\s*(?:Answer Choices\s*[:：]|选项\s*[:：]).*\Z", re.S)
_ASKED = re.compile(r"(?:\A|\s+)(?:Q|问题)\s*[:：]\s*")


def _several(row: Row) -> str | None:
    label = row.get("label")
    if not as_list(row.get("options")):
        return "no options (a cloze question)"
    if isinstance(label, list) and len(label) > 1:
        return "several right options"
    return None


def _several_gold(row: Row) -> str | None:
    gold = as_list(row.get("gold"))
    return "several right options" if gold is not None and len(gold) > 1 else None


def _stem(row: Row) -> Row:
    """Cut the choices, which the published prompt repeats, off the question."""
    query = row.get("query")
    if not isinstance(query, str):
        return row
    return {**row, "query": _ASKED.sub("\n", _CHOICES.sub("", query), count=1).strip()}


_GENERAL = ("category", "subject", "topic", "Category", "Subject", "'general knowledge'")

PRESETS = (
    Preset(
        name="agieval",
        title="AGIEval",
        requires=("passage", "question", "options", "label"),
        columns={
            "question": "question",
            "context": "passage",
            "options": "options",
            "answer": "label",
            "topic": "@file",
        },
        knows=("answer", "other", "explanation"),
        left_out=_several,
        note="the topic is the file's name",
        published="ruixiangcui/AGIEval, data/v1",
    ),
    Preset(
        name="agieval_hub",
        title="AGIEval (hub)",
        requires=("query", "choices", "gold"),
        columns={
            "question": "query",
            "options": "choices",
            "answer": "gold",
            "topic": "@file",
        },
        index_base=0,
        left_out=_several_gold,
        prepare=_stem,
        note="the topic is the file's name",
        published="hails/agieval-*, dmayhem93/agieval-*",
    ),
    Preset(
        name="choices",
        title="a list of choices",
        requires=("question", "choices", "answer"),
        columns={
            "id": ("id", "question_id"),
            "question": "question",
            "options": "choices",
            "answer": "answer",
            "topic": _GENERAL,
        },
        is_data_set=False,
    ),
    Preset(
        name="option_columns",
        title="one column per option",
        requires=("question", "A", "B", "answer"),
        columns={
            "id": ("id", "question_id"),
            "question": "question",
            "options": "A+B+C+D+E",
            "answer": "answer",
            "topic": _GENERAL,
            "explanation": "explanation",
        },
        is_data_set=False,
    ),
)
