"""`apprehend paper`: tables and figures of the reference paper from stored results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..figures.drawing import Drawer
from ..frames.atomic_files import write_atomically
from ..frames.csv_files import csv_text
from ..frames.inputs import ReportInput
from ..frames.style import FORMATS
from ..metrics.computing import compute_metrics
from ..metrics.evaluation import evaluations
from ..page.page import PageSection, render_page
from ..statistics.short_repr import short_repr
from .ece_verdicts import compute_ece_verdicts
from .paper_blocks import PaperBlocks
from .published_tables import paper_estimators
from .verdict_summary import counted_verdicts, verdict_summary
from .verdicts import compute_verdicts


@short_repr
@dataclass(frozen=True)
class Paper:
    """Result of `build_paper`.

    Attributes:
        verdicts: one row per published ROC AUC, see `compute_verdicts`.
        ece: one row per published ECE, see `compute_ece_verdicts`.
        summary: sentences that count the verdicts.
        files: paths written, in order.
    """

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
    """Compare stored results with the published values and write the paper's tables and figures.

    Writes verdicts.csv, ece_verdicts.csv, tables/*.{md,csv,tex}, figures/*, and index.html. Values
    use the row convention "paper" (`--paper_filter`), alongside the AUC on all rows.

    Args:
        data: Scores and facts of a results folder.
        output_path: Folder of the files, created if necessary.
        replicates: Number of bootstrap resamples.
        seed: Seed of the resamples.
        formats: Formats of the figures, any of "png", "svg", "pdf".

    Returns:
        Verdicts, summary and paths of the files.

    Raises:
        ValueError: None of the paper's estimators is stored, or a format is unknown.
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
    paper = Paper(verdicts, errors, [*verdict_summary(verdicts), counted_verdicts(errors, "ECEs")])
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
