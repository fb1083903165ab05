"""`apprehend report`: computes all analyses and writes tables, figures and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import RenderableType

from ..analyses.together import Analyses, compute_analyses
from ..cards.cards import card_of
from ..cards.topic_dots import TOPIC_DOTS, compute_topic_dots, dots_note, topic_dots_figure
from ..figures.drawing import Drawer
from ..frames.atomic_files import write_atomically
from ..frames.blocks import PageFigure
from ..frames.csv_files import csv_text
from ..frames.export import write_tables
from ..frames.formatting import file_stems
from ..frames.inputs import ReportInput
from ..frames.page_addition import PageAddition
from ..frames.style import FORMATS
from ..frames.traits import UNKNOWN
from ..metrics.computing import MetricFailure, measure
from ..metrics.evaluation import Rows
from ..metrics.summary import summarize
from ..metrics.topic_tables import to_csv_frame, to_latex, to_markdown, topic_tables
from ..statistics.short_repr import short_repr
from .overview import overview_sections
from .page import PageSection
from .pages import write_pages
from .sections import TaskSection
from .terminal import terminal


@short_repr
@dataclass(frozen=True)
class Report:
    """Result of `build_report`.

    Attributes:
        analyses: all analyses, see `Analyses`.
        summary: one paragraph per model and task.
        files: paths written, in order.
    """

    analyses: Analyses
    summary: list[str]
    files: list[Path] = field(default_factory=list)

    @property
    def metrics(self) -> pd.DataFrame:
        """Metrics per model, task, estimator and topic; see `compute_metrics`."""
        return self.analyses.metrics

    @property
    def comparisons(self) -> pd.DataFrame:
        """Tested differences; see `compare`."""
        return self.analyses.comparisons

    @property
    def flow(self) -> pd.DataFrame:
        """Numbers of questions by stage; see `compute_flow`."""
        return self.analyses.flow

    @property
    def missing(self) -> pd.DataFrame:
        """Numbers of missing scores by reason; see `compute_missing`."""
        return self.analyses.missing

    @property
    def failures(self) -> Sequence[MetricFailure]:
        """Values that additional metrics failed to compute."""
        return self.analyses.failures

    def terminal(self) -> list[RenderableType]:
        """Render summary, n-flow, pooled metrics and ROC AUC by topic for the terminal (rich)."""
        by_mean = self.analyses.by_task["selection_by_mean"]
        return terminal(self.metrics, self.flow, self.summary, self.analyses.found, by_mean)


def build_report(
    data: ReportInput,
    output_path: str | Path,
    rows: Rows = "all",
    replicates: int = 1000,
    seed: int = 0,
    formats: Sequence[str] = FORMATS,
    metrics: Sequence[Any] = (),
    additions: Sequence[PageAddition] = (),
) -> Report:
    """Compute all analyses and write the report below `output_path`.

    Writes metrics.csv, comparisons.csv, flow.csv, missing.csv, a CSV file per other frame of
    `Analyses` that has rows, tables/roc_auc_by_topic.{md,csv,tex}, figures/*, and index.html. If
    index.html would be too large, it contains the summaries only, and each section is a page below
    sections/. All files are written atomically.

    Args:
        data: Scores and facts of a results folder.
        output_path: Folder of the files, created if necessary.
        rows: Row convention, "all" or "paper".
        replicates: Number of bootstrap resamples.
        seed: Seed of the resamples.
        formats: Formats of the figures, any of "png", "svg", "pdf".
        metrics: Additional metrics, functions decorated with `@metric`; each is a column of
            metrics.csv and of the tables of the page.
        additions: Further sections of index.html, such as the explorer of `write_explorer`.

    Returns:
        Analyses, summary and paths of the files; `failures` lists values that additional metrics
        failed to compute, without which the report is complete.

    Raises:
        ValueError: The input is inconsistent, or a format is unknown.
        MetricDeclarationError: Two metrics have a column of the same name.
    """
    root = Path(output_path)
    drawer = Drawer(root / "figures", formats)
    measured = measure(data, rows, replicates, seed, metrics)
    analyses = compute_analyses(data, rows, replicates, seed, measured=measured)
    choices = (analyses.by_task["selection"], analyses.by_task["selection_by_mean"])
    summary = summarize(analyses.metrics, analyses.comparisons, analyses.flow, *choices)
    report = Report(analyses, summary)
    for name, frame in analyses.frames().items():
        report.files.append(write_atomically(root / f"{name}.csv", csv_text(frame)))
    _write_tables(report, root / "tables")
    sections, lead = _sections(data, report, drawer)
    report.files.extend(drawer.files)
    settings: dict[str, Any] = {"rows": rows, "replicates": replicates, "seed": seed}
    settings |= {"metrics": analyses.more_metrics, "lead": lead, "additions": additions}
    report.files.extend(file for addition in additions for file in addition.files)
    names = dict.fromkeys(
        name for evaluation in analyses.evaluated for name in evaluation.estimators
    )
    estimators = [(name, data.traits.get(name, UNKNOWN).summary) for name in names]
    report.files.extend(
        write_pages(
            root, sections, (analyses.metrics, *choices), data.manifests, estimators, settings
        )
    )
    return report


def _write_tables(report: Report, folder: Path) -> None:
    tables = topic_tables(report.metrics)
    texts = (to_markdown(tables), to_latex(tables))
    report.files.extend(write_tables(folder, "roc_auc_by_topic", to_csv_frame(tables), *texts))


def _sections(
    data: ReportInput, report: Report, drawer: Drawer
) -> tuple[list[PageSection], PageFigure | None]:
    """Build one section per model and task, then the overviews, and the figure that comes first."""
    analyses = report.analyses
    names = [f"{evaluation.model}_{evaluation.task}" for evaluation in analyses.evaluated]
    stems = file_stems(names)
    sections = []
    with drawer:
        lead = _lead(analyses, drawer)
        for evaluation, name, text in zip(analyses.evaluated, names, report.summary, strict=True):
            built = TaskSection(data, analyses, evaluation, drawer, stems[name])
            of, card = (evaluation.model, evaluation.task), card_of(analyses, evaluation)
            sections.append(PageSection(built.title, list(built.blocks()), text, of, card))
        sections += overview_sections(analyses, drawer)
    return sections, lead


def _lead(analyses: Analyses, drawer: Drawer) -> PageFigure | None:
    """Draw the figure that comes first; None where there is nothing to compare."""
    dots = compute_topic_dots(analyses)
    if dots is None:
        return None
    figures = [topic_dots_figure(dots)]
    note, frame = dots_note(dots), dots.frame()
    return drawer.add(TOPIC_DOTS, TOPIC_DOTS.title, "", figures, note, frame)[0]
