"""Builds the report: tables, figures and the page, each file written atomically."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from rich.console import RenderableType

from .comparisons import compare
from .evaluation import Evaluation, Rows, evaluations
from .figures_auc import auc_figures, compute_auc_bars
from .figures_flow import compute_flow_bars, flow_figure
from .figures_scores import compute_histograms, compute_roc_curves, histogram_figures, roc_figure
from .flow import compute_flow, compute_missing
from .formatting import file_stems
from .inputs import ReportInput
from .metrics import compute_metrics
from .page import PageFigure, PageSection, render_page
from .style import FORMATS, figure_style, render, write_atomically
from .summary import best_estimator, confident_errors, summarise
from .tables import to_csv_frame, to_latex, to_markdown, topic_tables
from .terminal import terminal

# Title and how to read it, by kind; the kind is also the start of the file's name.
FIGURES = {
    "roc_auc_by_topic": (
        "ROC AUC by topic",
        "Bars start at chance (0.5); to its left a score points the wrong way. Lines are 95 % "
        "intervals. In parentheses the number of questions.",
    ),
    "roc_auc_by_stratum": (
        "ROC AUC by stratum",
        "As above, by stratum of the questions, such as the judge's number of reasoning steps.",
    ),
    "score_histograms": (
        "Scores by correctness",
        "Questions per bin of the score; entropies in bins of 0.1. The outer bins hold what lies "
        "beyond them.",
    ),
    "roc_curves": (
        "ROC curves",
        "All questions pooled: flagging the most uncertain answers first, the share of errors "
        "found against the share of correct answers flagged with them.",
    ),
    "n_flow": ("Questions (n-flow)", "Shares are of the questions asked."),
}


@dataclass(frozen=True)
class Report:
    """What `build_report` made.

    Attributes:
        metrics: see `compute_metrics`.
        comparisons: see `compare`.
        flow: see `compute_flow`.
        missing: see `compute_missing`.
        summary: one paragraph per model and task.
        files: paths written, in order.
    """

    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    flow: pd.DataFrame
    missing: pd.DataFrame
    summary: list[str]
    files: list[Path] = field(default_factory=list)

    def terminal(self) -> list[RenderableType]:
        """Rich renderables: summary, n-flow, pooled values, ROC AUC by estimator and topic."""
        return terminal(self.metrics, self.flow, self.summary)


def build_report(
    data: ReportInput,
    output_path: str | Path,
    rows: Rows = "all",
    replicates: int = 1000,
    seed: int = 0,
    formats: Sequence[str] = ("png", "svg"),
) -> Report:
    """Compute all metrics and write the report below `output_path`.

    Writes metrics.csv, comparisons.csv, flow.csv, missing.csv,
    tables/roc_auc_by_topic.{md,csv,tex}, figures/*, and index.html, which holds all of it.
    `formats` of the figures: png, svg, pdf.
    """
    unknown = set(formats) - set(FORMATS)
    if unknown:
        raise ValueError(f"Expected formats among {', '.join(FORMATS)}, got {sorted(unknown)}.")
    metrics = compute_metrics(data, rows, replicates, seed)
    flow, missing = compute_flow(data, rows), compute_missing(data, rows)
    comparisons = compare(evaluations(data, rows), replicates, seed)
    report = Report(metrics, comparisons, flow, missing, summarise(metrics, comparisons))
    root = Path(output_path)
    frames = {"metrics": metrics, "comparisons": comparisons, "flow": flow, "missing": missing}
    for name, frame in frames.items():
        report.files.append(write_atomically(root / f"{name}.csv", frame.to_csv(index=False)))
    _write_tables(report, root / "tables")
    sections = list(_sections(data, report, rows, root / "figures", formats))
    settings = {"rows": rows, "replicates": replicates, "seed": seed}
    html = render_page(sections, data.manifests, data.descriptions, settings)
    report.files.append(write_atomically(root / "index.html", html))
    return report


def _write_tables(report: Report, folder: Path) -> None:
    tables = topic_tables(report.metrics)
    contents = {
        "md": to_markdown(tables),
        "csv": to_csv_frame(tables).to_csv(index=False),
        "tex": to_latex(tables),
    }
    for extension, text in contents.items():
        path = folder / f"roc_auc_by_topic.{extension}"
        report.files.append(write_atomically(path, text))


def _sections(
    data: ReportInput, report: Report, rows: Rows, folder: Path, formats: Sequence[str]
) -> Iterator[PageSection]:
    """One section per (model, task); writes its figures on the way."""
    evaluated = evaluations(data, rows)
    names = [f"{one.model}_{one.task}" for one in evaluated]
    stems = file_stems(names)
    tables = topic_tables(report.metrics)
    for one, name, table, text in zip(evaluated, names, tables, report.summary, strict=True):
        metrics, flow, missing = (
            frame[(frame["model"] == one.model) & (frame["task"] == one.task)]
            for frame in (report.metrics, report.flow, report.missing)
        )
        figures = []
        with figure_style():
            parts: Counter[str] = Counter()
            for kind, title, figure in _figures(one, metrics, flow):
                parts[kind] += 1
                part = f"_{parts[kind]}" if parts[kind] > 1 else ""
                stem = folder / f"{kind}{part}_{stems[name]}"
                content = {extension: render(figure, extension) for extension in formats}
                for extension, data_ in content.items():
                    path = stem.with_name(f"{stem.name}.{extension}")
                    report.files.append(write_atomically(path, data_))
                svg = content.get("svg") or render(figure, "svg")
                figures.append(PageFigure(title, FIGURES[kind][1], svg))
        best = best_estimator(metrics)
        errors = confident_errors(data, one, best) if best else []
        yield PageSection(
            model=one.model,
            task=one.task,
            summary=text,
            table=table,
            metrics=metrics,
            flow=flow,
            missing=missing,
            figures=figures,
            best=best,
            confident_errors=errors,
        )


def _figures(
    evaluation: Evaluation, metrics: pd.DataFrame, flow: pd.DataFrame
) -> Iterator[tuple[str, str, Figure]]:
    """Kind, title and figure of everything drawn for one model on one task."""
    drawn: dict[str, list[Figure]] = {}
    titles = {
        kind: f"{title}: {evaluation.model} on {evaluation.task}"
        for kind, (title, _) in FIGURES.items()
    }
    kind = "roc_auc_by_topic"
    drawn[kind] = auc_figures(compute_auc_bars(metrics), titles[kind])
    if evaluation.strata:
        kind = "roc_auc_by_stratum"
        drawn[kind] = auc_figures(compute_auc_bars(metrics, strata=True), titles[kind])
    kind = "score_histograms"
    drawn[kind] = histogram_figures(compute_histograms(evaluation), titles[kind])
    curves = compute_roc_curves(evaluation)
    drawn["roc_curves"] = [roc_figure(curves, titles["roc_curves"])] if curves else []
    drawn["n_flow"] = [flow_figure(compute_flow_bars(flow), titles["n_flow"])]
    for kind, figures in drawn.items():
        for figure in figures:
            yield kind, titles[kind], figure
