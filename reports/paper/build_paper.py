"""`apprehend paper`: the reference paper's tables and figures from stored results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ..figures.drawing import Drawer
from ..frames.atomic_files import write_atomically
from ..frames.csv_files import csv_text
from ..frames.formatting import number
from ..frames.inputs import ReportInput
from ..frames.style import FORMATS
from ..metrics.computing import compute_metrics
from ..metrics.evaluation import evaluations
from ..page.page import PageSection, render_page
from ..statistics.short_repr import short_repr
from .ece_verdicts import compute_ece_verdicts
from .paper_blocks import PaperBlocks
from .published_tables import paper_estimators
from .verdicts import DIFFERS, REPRODUCED, UNKNOWN, compute_verdicts


@short_repr
@dataclass(frozen=True)
class Paper:
    """What `build_paper` made: a verdict per published AUC and ECE, sentences, and the files."""

    verdicts: pd.DataFrame
    ece: pd.DataFrame
    summary: list[str]
    files: list[Path] = field(default_factory=list)


def build_paper(
    data: ReportInput,
    output_path: str | Path,
    replicates: int = 1000,
    seed: int = 0,
    formats: Sequence[str] = FORMATS,
) -> Paper:
    """Write the paper's tables and figures for whatever is stored, beside the published values.

    Writes verdicts.csv, ece_verdicts.csv, tables/*.{md,csv,tex}, figures/*, and index.html. Values
    are on the paper's rows (`--paper_filter`), with the AUC on all rows beside them. Raises
    ValueError where none of the paper's estimators is stored.
    """
    scores = data.scores[data.scores["estimator"].isin(paper_estimators())]
    if scores.empty:
        raise ValueError(f"Expected scores of one of {', '.join(paper_estimators())}, got none.")
    root = Path(output_path)
    reduced = ReportInput(
        scores, strata=data.strata, questions=data.questions, ratings=data.ratings, flow=data.flow
    )
    evaluated = evaluations(reduced, "paper")
    metrics = compute_metrics(reduced, "paper", replicates, seed, evaluated)
    on_all = evaluations(reduced, "all")
    every = compute_metrics(reduced, "all", max(2, replicates // 10), seed, on_all)
    verdicts = compute_verdicts(metrics, every)
    errors = compute_ece_verdicts(evaluated, on_all, replicates, seed)
    paper = Paper(verdicts, errors, [*_summary(verdicts), _counted(errors, "ECEs")])
    for name, frame in (("verdicts", verdicts), ("ece_verdicts", errors)):
        paper.files.append(write_atomically(root / f"{name}.csv", csv_text(frame)))
    drawer = Drawer(root / "figures", formats)
    builder = PaperBlocks(reduced, evaluated, metrics, verdicts, errors, drawer, root / "tables")
    with drawer:
        blocks = builder.blocks()
    paper.files.extend([*builder.files, *drawer.files])
    title = "The reference paper, value by value"
    sections = [PageSection("Tables and figures", blocks)]
    settings = {"rows": "paper", "replicates": replicates, "seed": seed, "title": title}
    settings["summary"] = paper.summary
    html = render_page(sections, data.manifests, [], settings)
    paper.files.append(write_atomically(root / "index.html", html))
    return paper


def _summary(verdicts: pd.DataFrame) -> list[str]:
    """How many published values were reproduced, by stored model and way of asking."""
    lines = [_counted(verdicts, "ROC AUCs")]
    known = verdicts[verdicts["verdict"] != UNKNOWN]
    for (model, task, source), part in known.groupby(["stored_model", "stored_task", "source"]):
        same = int((part["verdict"] == REPRODUCED).sum())
        gap = float(np.median(np.abs(part["difference"].astype(float))))
        reasons = part.loc[part["verdict"] == DIFFERS, "reason"].str.split(":").str[0]
        why = ", ".join(f"{name} ({n})" for name, n in reasons.value_counts().items())
        lines.append(
            f"{model} on {task} against {source}: {same} of {len(part)} reproduced, median "
            f"distance {number(gap)}{'; reasons of the differences: ' + why if why else ''}."
        )
    return lines


def _counted(verdicts: pd.DataFrame, what: str) -> str:
    """One sentence: how many published values got which verdict."""
    counts = verdicts["verdict"].value_counts()
    return (
        f"Of {len(verdicts)} published {what}, {int(counts.get(REPRODUCED, 0))} are reproduced, "
        f"{int(counts.get(DIFFERS, 0))} differ, and {int(counts.get(UNKNOWN, 0))} are "
        f"{UNKNOWN}."
    )
