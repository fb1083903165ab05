"""Builds the report: tables, figures and the page, each file written atomically."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import RenderableType

from ..analyses.together import Analyses, compute_analyses
from ..figures.drawing import Drawer
from ..frames.atomic_files import write_atomically
from ..frames.csv_files import csv_text
from ..frames.export import write_tables
from ..frames.formatting import file_stems
from ..frames.inputs import ReportInput
from ..frames.style import FORMATS
from ..frames.traits import UNKNOWN
from ..metrics.computing import MetricFailure
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
    """What `build_report` made.

    Attributes:
        analyses: every frame; see `Analyses`.
        summary: one paragraph per model and task.
        files: paths written, in order.
    """

    analyses: Analyses
    summary: list[str]
    files: list[Path] = field(default_factory=list)

    @property
    def metrics(self) -> pd.DataFrame:
        """See `compute_metrics`."""
        return self.analyses.metrics

    @property
    def comparisons(self) -> pd.DataFrame:
        """See `compare`."""
        return self.analyses.comparisons

    @property
    def flow(self) -> pd.DataFrame:
        """See `compute_flow`."""
        return self.analyses.flow

    @property
    def missing(self) -> pd.DataFrame:
        """See `compute_missing`."""
        return self.analyses.missing

    @property
    def failures(self) -> Sequence[MetricFailure]:
        """Values that the given metrics did not give."""
        return self.analyses.failures

    def terminal(self) -> list[RenderableType]:
        """Rich renderables: summary, n-flow, pooled values, ROC AUC by estimator and topic."""
        return terminal(self.metrics, self.flow, self.summary)


def build_report(
    data: ReportInput,
    output_path: str | Path,
    rows: Rows = "all",
    replicates: int = 1000,
    seed: int = 0,
    formats: Sequence[str] = FORMATS,
    metrics: Sequence[Any] = (),
) -> Report:
    """Compute all analyses and write the report below `output_path`.

    Writes a CSV file per frame of `Analyses` (metrics.csv, comparisons.csv, flow.csv, missing.csv
    and those with rows), tables/roc_auc_by_topic.{md,csv,tex}, figures/*, and index.html, which
    holds all of it, or, where that would be too large, the summaries, with a page for each model
    and task below sections/. `formats` of the figures: png, svg, pdf. `metrics` are functions below
    `@metric`: each is a column of metrics.csv and of the page's tables. Where one fails, the report
    is complete but for its values, and `Report.failures` says which.
    """
    root = Path(output_path)
    drawer = Drawer(root / "figures", formats)
    analyses = compute_analyses(data, rows, replicates, seed, metrics)
    report = Report(analyses, summarize(analyses.metrics, analyses.comparisons, analyses.flow))
    for name, frame in analyses.frames().items():
        report.files.append(write_atomically(root / f"{name}.csv", csv_text(frame)))
    _write_tables(report, root / "tables")
    sections = _sections(data, report, drawer)
    report.files.extend(drawer.files)
    settings: dict[str, Any] = {"rows": rows, "replicates": replicates, "seed": seed}
    settings["metrics"] = analyses.more_metrics
    names = dict.fromkeys(name for one in analyses.evaluated for name in one.estimators)
    estimators = [(name, data.traits.get(name, UNKNOWN).summary) for name in names]
    report.files.extend(
        write_pages(root, sections, analyses.metrics, data.manifests, estimators, settings)
    )
    return report


def _write_tables(report: Report, folder: Path) -> None:
    tables = topic_tables(report.metrics)
    texts = (to_markdown(tables), to_latex(tables))
    report.files.extend(write_tables(folder, "roc_auc_by_topic", to_csv_frame(tables), *texts))


def _sections(data: ReportInput, report: Report, drawer: Drawer) -> list[PageSection]:
    """One section per (model, task), then the overviews; writes their figures on the way."""
    analyses = report.analyses
    names = [f"{one.model}_{one.task}" for one in analyses.evaluated]
    stems = file_stems(names)
    sections = []
    with drawer:
        for one, name, text in zip(analyses.evaluated, names, report.summary, strict=True):
            built = TaskSection(data, analyses, one, drawer, stems[name])
            sections.append(
                PageSection(built.title, list(built.blocks()), text, (one.model, one.task))
            )
        sections += overview_sections(analyses, drawer)
    return sections
