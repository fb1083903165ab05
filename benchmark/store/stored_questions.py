"""The table of a store's questions: adding rows, and selecting questions with their signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...estimators.signals.batch import Signal, Signals, Table
from ...tasks.files.identifiers import id_text
from ...tasks.topics import LETTERS
from .arrow import id_array, with_text_ids


def with_questions(table: pa.Table | None, rows: Sequence[Mapping[str, Any]]) -> pa.Table | None:
    """Return a table of questions extended by the new ones of ``rows``; None if there are none."""
    known = [] if table is None else table.to_pylist()
    ids = {row["question_id"] for row in known}
    given = ({**row, "question_id": id_text(row["question_id"])} for row in rows)
    merged = [*known, *(row for row in given if row["question_id"] not in ids)]
    if len(merged) == len(known):
        return None
    names = list(dict.fromkeys(name for row in merged for name in row))
    columns: dict[str, Any] = {n: [row.get(n) for row in merged] for n in names}
    return with_text_ids(pa.table({n: _column(cells) for n, cells in columns.items()}))


def _column(cells: list[Any]) -> Any:
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if cell is None else str(cell) for cell in cells])


def signals_of(questions: pa.Table, ids: Sequence[Any], tables: Mapping[Signal, Table]) -> Signals:
    """Return the questions of ``ids``, in this order, with their tables of signals."""
    import pyarrow.compute as pc

    keys = questions.column("question_id").combine_chunks()
    rows = questions.take(pc.index_in(id_array(ids), value_set=keys))
    return Signals(
        question_id=rows.column("question_id").to_numpy(),
        topic=rows.column("topic").to_numpy(),
        option_count=rows.column("option_count").to_numpy(),
        tables=dict(tables),
        gold=_gold(rows),
    )


def _gold(rows: pa.Table) -> npt.NDArray[np.int64] | None:
    """Return the (n,) indices of the gold options, -1 if not a letter; None if not recorded."""
    if "gold" not in rows.column_names:
        return None
    letters = rows.column("gold").to_pylist()
    return np.array([LETTERS.index(x) if x in LETTERS else -1 for x in letters], np.int64)
