"""The strata of a store's questions: judges' labels, and the questions' sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ...estimators.signals.batch import Need, Signal
from ...tasks.questionnaires import QUESTIONNAIRES
from ..store.arrow import ID_TYPE
from ..store.files import write_parquet
from ..store.task_store import TaskStore


def write_strata(store: TaskStore, ids: Sequence[Any]) -> None:
    """Write the store's ``strata.parquet``.

    It contains the labels of its judges (a panel's majority, ties resolved by the first judge),
    and the questions' ``src`` if it has at most 12 values.
    """
    rows: dict[str, list[Any]] = {"question_id": [], "stratum": [], "value": []}
    if store.has(Signal.JUDGEMENT):
        signals = store.load([Need.of(Signal.JUDGEMENT)], ids)
        for name, questionnaire in QUESTIONNAIRES.items():
            if name not in signals.judgement:
                continue
            panel = signals.judgement[name]
            for position, stratum in enumerate(questionnaire.strata):
                votes = [
                    table.labels[:, position]
                    for table in panel.tables.values()
                    if table.labels.shape[1] > position
                ]
                for question, *labels in zip(signals.question_id.tolist(), *votes, strict=True):
                    named = [label for label in labels if label is not None]
                    if named:
                        rows["question_id"].append(question)
                        rows["stratum"].append(stratum)
                        rows["value"].append(max(named, key=named.count))
    columns = store.questions.column_names
    if "src" in columns:
        sources = dict(
            zip(store.question_ids, store.questions.column("src").to_pylist(), strict=True)
        )
        if len({s for s in sources.values() if s}) <= 12:
            for question in ids:
                if sources.get(question):
                    rows["question_id"].append(question)
                    rows["stratum"].append("src")
                    rows["value"].append(sources[question])
    table = pa.table(
        {
            "question_id": pa.array(rows["question_id"], ID_TYPE),
            "stratum": pa.array(rows["stratum"], pa.string()),
            "value": pa.array(rows["value"], pa.string()),
        }
    )
    write_parquet(store.path / "strata.parquet", table)
