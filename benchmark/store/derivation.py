"""Rows that depend on the model's answer, and whether that answer is still the stored one.

Other option orders, self-reports and verdicts on an answer record a fingerprint (mark) of the
answer's row that they were derived from. A row with an outdated mark counts as missing.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...estimators.signals.batch import TABLES, Signal
from ...tasks.questionnaires import QUESTIONNAIRES

DERIVED_FROM = "derived_from"
"""The column with the mark; null in rows that do not depend on an answer, and in stores of schema 1
and 2."""
DERIVED = frozenset(signal for signal, table in TABLES.items() if table.derived)
"""Signals with such a column."""
MARKED = ("option_logprobs", "answer", "text")
"""Columns of an answer's row that enter its mark, where the signal has them."""


def is_derived(signal: Signal, variant: str) -> bool:
    """Return whether rows of this variant depend on the model's answer."""
    if signal is Signal.JUDGEMENT:
        return variant in QUESTIONNAIRES and QUESTIONNAIRES[variant].about_answer
    return signal in DERIVED


def mark(option_logprobs: Sequence[float | None] | None, answer: int | None, text: str = "") -> str:
    """Return a hash of what probes use of an answer's row; missing values and NaN are equal."""
    numbers = [float("nan") if value is None else float(value) for value in option_logprobs or ()]
    while numbers and numbers[-1] != numbers[-1]:
        numbers.pop()
    digest = hashlib.blake2b(struct.pack(f"<{len(numbers)}d", *numbers), digest_size=8)
    digest.update(struct.pack("<q", -1 if answer is None else answer))
    digest.update((text or "").encode("utf-8", "replace"))
    return digest.hexdigest()


def marks_of(rows: pa.Table) -> dict[Any, str]:
    """Return question id → mark, for rows of the signal with the answers."""
    columns = [name for name in MARKED if name in rows.column_names]
    marks = {}
    for row in rows.select(["question_id", *columns]).to_pylist():
        question = row.pop("question_id")
        marks[question] = mark(row.get("option_logprobs"), row.get("answer"), row.get("text") or "")
    return marks


def state_of_rows(signal: Signal, rows: pa.Table, marks: Mapping[Any, str]) -> list[bool | None]:
    """Compare the rows of a derived signal with the stored answers.

    Args:
        signal: the derived signal.
        rows: question_id, variant and the mark, and the option orders if the signal has them: rows
            of older schemas are compared with the answer through their first option order.
        marks: question id → mark of the stored answer.

    Returns:
        Per row: True if it was derived from the stored answer, False if from another one, None if
        no answer is stored.
    """
    ids, variants = (rows.column(name).to_pylist() for name in ("question_id", "variant"))
    known: list[str | None] = [None] * len(ids)
    if DERIVED_FROM in rows.column_names:
        known = rows.column(DERIVED_FROM).to_pylist()
    if signal is Signal.PERMUTED_ANSWERS and None in known:
        known = [own or _own_order(row) for own, row in zip(known, rows.to_pylist(), strict=True)]
    states: list[bool | None] = []
    for question, variant, own in zip(ids, variants, known, strict=True):
        if not is_derived(signal, variant):
            states.append(True)
        elif question not in marks:
            states.append(None)
        else:
            states.append(own is None or own == marks[question])
    return states


def _own_order(row: Mapping[str, Any]) -> str | None:
    """Return the mark of the answer under the original option order, the first one stored."""
    orders = row.get("option_logprobs")
    return mark(orders[0], row["answers"][0]) if orders else None
