"""Reads scores out of a results folder and hands them to the reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..estimators.signals import AnswerTable, Need, Signal, Status, TraceTable
from ..reports import ReportInput, build_report
from .options import say, show
from .scoring import outcome_signal, score_store
from .store import Results, TaskStore


def report_input(results: Results) -> ReportInput:
    """Frames of all stores; scores are computed where none are stored yet."""
    scores, strata, questions, ratings, flow, manifests = [], [], [], [], [], []
    for store in results.stores():
        if not (store.path / "scores.parquet").is_file():
            score_store(store)
        scores.append(pq.read_table(store.path / "scores.parquet").to_pandas())
        stratum = pq.read_table(store.path / "strata.parquet").to_pandas()
        strata.append(stratum.assign(task=store.task))
        questions.append(store.questions.to_pandas().assign(task=store.task))
        ratings.append(_ratings(store))
        flow.append(_flow(store))
        manifests.append({"model_folder": store.model, **store.manifest})
    unique = ["task", "question_id"]
    return ReportInput(
        scores=pd.concat(scores, ignore_index=True),
        strata=pd.concat(strata, ignore_index=True).drop_duplicates([*unique, "stratum"]),
        questions=pd.concat(questions, ignore_index=True).drop_duplicates(unique),
        ratings=pd.concat(ratings, ignore_index=True).drop_duplicates(unique),
        flow=pd.DataFrame(flow),
        manifests=manifests,
    )


def _ratings(store: TaskStore) -> pd.DataFrame:
    """Per question the lowest rating that any stored judgement of it got."""
    if not store.has(Signal.JUDGEMENT):
        return pd.DataFrame({"task": [], "question_id": [], "rating": []})
    signals = store.load([Need.of(Signal.JUDGEMENT)], store.question_ids)
    columns = [signals.judgement[name].stack("rating") for name in signals.judgement]
    lowest: Any = np.concatenate(columns, axis=1)
    missing = np.isnan(lowest).all(axis=1)
    lowest = np.where(np.isnan(lowest), np.inf, lowest).min(axis=1)
    return pd.DataFrame(
        {
            "task": store.task,
            "question_id": signals.question_id,
            "rating": np.where(missing, np.nan, lowest),
        }
    )


def _flow(store: TaskStore) -> dict[str, Any]:
    outcome = outcome_signal(store)
    ids = store.question_ids
    signals = store.load([Need.of(outcome)], ids)
    table: AnswerTable | TraceTable
    table = signals.answer if outcome is Signal.ANSWER else signals.trace
    return {
        "model": store.model,
        "task": store.task,
        "asked": len(ids),
        "answered": int(table.present.sum()),
        "parsed": int((table.status == Status.PARSED.value).sum()),
        "dont_know": int((table.status == Status.DONT_KNOW.value).sum()),
    }


def write_report(
    results: Path,
    output_path: Path,
    paper_filter: bool = False,
    replicates: int = 1000,
    seed: int = 0,
) -> None:
    """Build the report, show its tables in the terminal, and say where it lies."""
    report = build_report(
        report_input(Results(results)),
        output_path,
        rows="paper" if paper_filter else "all",
        replicates=replicates,
        seed=seed,
    )
    show(*report.terminal())
    say(f"report: {output_path / 'index.html'}")
