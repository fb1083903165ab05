"""`apprehend compare`: models × estimators, paired, and against the models' size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..analyses.comparisons import compare
from ..figures.drawing import Drawer
from ..figures.leaderboard import CHANCE, Heatmap, heatmap_figure
from ..figures.sizes import MODEL_SIZE, compute_sizes, size_figure
from ..frames.atomic_files import write_atomically
from ..frames.blocks import Block, Shown, table_from_frame
from ..frames.csv_files import csv_text
from ..frames.export import write_frame
from ..frames.figure_kind import FigureKind
from ..frames.formatting import count, file_stems, interval, marked, plain
from ..frames.inputs import ReportInput
from ..frames.style import FORMATS
from ..metrics.computing import compute_metrics
from ..metrics.evaluation import ALL, Rows, evaluations
from ..statistics.intervals import FEW_MARK, FEW_MEANING
from ..statistics.short_repr import short_repr
from .columns import texts
from .metric_tables import pairs_table
from .page import PageSection, render_page

ROC_AUC_MODELS = FigureKind(
    "roc_auc_models",
    "Models and estimators",
    "ROC AUC over all questions. Blue: above chance, vermilion: below.",
)


@short_repr
@dataclass(frozen=True)
class Comparison:
    """What `build_comparison` made: every test, the sizes, sentences, and the files."""

    comparisons: pd.DataFrame
    sizes: pd.DataFrame
    summary: list[str]
    files: list[Path] = field(default_factory=list)


def build_comparison(
    data: ReportInput,
    output_path: str | Path,
    rows: Rows = "all",
    replicates: int = 1000,
    seed: int = 0,
    formats: Sequence[str] = FORMATS,
) -> Comparison:
    """Write comparisons.csv, sizes.csv, a table and a heatmap of models × estimators, the plots
    against size where sizes are known, and index.html."""
    root = Path(output_path)
    evaluated = evaluations(data, rows)
    metrics = compute_metrics(data, rows, replicates, seed, evaluated)
    tests = compare(evaluated, replicates, seed)
    tests = tests[tests["family"].isin(("models", "tasks"))]
    sizes = compute_sizes(evaluated, data.manifests, data.traits)
    result = Comparison(tests, sizes, _summary(tests))
    for name, frame in (("comparisons", tests), ("sizes", sizes), ("metrics", metrics)):
        result.files.append(write_atomically(root / f"{name}.csv", csv_text(frame)))
    drawer = Drawer(root / "figures", formats)
    with drawer:
        blocks = [
            *_matrices(metrics, drawer, root / "tables", result.files),
            *_tests(tests),
            *_sizes(sizes, drawer),
        ]
    result.files.extend(drawer.files)
    settings: dict[str, Any] = {"rows": rows, "replicates": replicates, "seed": seed}
    settings |= {"title": "Models compared", "summary": result.summary}
    sections = [PageSection("Models, estimators and sizes", blocks)]
    html = render_page(sections, data.manifests, [], settings)
    result.files.append(write_atomically(root / "index.html", html))
    return result


def _summary(tests: pd.DataFrame) -> list[str]:
    """Per family how many differences are distinguishable, and each pair's accuracies."""
    lines = []
    for quantity, name in (("roc_auc", "ROC AUCs"), ("accuracy", "accuracies")):
        own = tests[(tests["family"] == "models") & (tests["quantity"] == quantity)]
        if len(own):
            clear = int(own["distinguishable"].sum())
            lines.append(
                f"Of {len(own)} paired differences in {name} between models, {clear} are "
                f"distinguishable and {len(own) - clear} are not distinguishable (Holm-adjusted)."
            )
    return lines or ["There are no two models with common questions on one task."]


def _matrices(
    metrics: pd.DataFrame, drawer: Drawer, folder: Path, files: list[Path]
) -> list[Block]:
    """Per task a table and a heatmap: pooled ROC AUC, models × estimators."""
    blocks = []
    pooled = metrics[metrics["topic"] == ALL]
    stems = file_stems(list(dict.fromkeys(pooled["task"])))
    for task, own in pooled.groupby("task", sort=False):
        stem = stems[str(task)]
        shown = own[["model", "estimator", "n", "n_errors"]].astype(str)
        ends = zip(own["roc_auc"], own["roc_auc_low"], own["roc_auc_high"], strict=True)
        shown["roc_auc"] = [
            f"{marked(a, np.isnan(low))} {interval(low, high)}".strip() for a, low, high in ends
        ]
        wide = shown.pivot(index="model", columns="estimator", values="roc_auc").fillna("–")
        title = f"ROC AUC of errors on {plain(task)}"
        few = own["roc_auc"].notna() & own["roc_auc_low"].isna()
        note = f"{FEW_MARK}: {FEW_MEANING}." if few.any() else ""
        files += write_frame(folder, f"models_{stem}", wide.reset_index(), title, note)
        areas = own.pivot(index="model", columns="estimator", values="roc_auc").astype(float)
        ranked = own.assign(roc_auc=own["roc_auc"].mask(few)).groupby("estimator")["roc_auc"].mean()
        order = ranked.sort_values(ascending=False, kind="stable").index
        largest = own.groupby("model")["n"].max()
        labels = [f"{plain(m)[:40]} ({count(float(largest[m]))})" for m in areas.index]
        heatmap = Heatmap(
            labels,
            [plain(name)[:44] for name in order],
            areas[order].to_numpy(dtype=np.float64),
            CHANCE,
            "ROC AUC",
            few=own.assign(few=few)
            .pivot(index="model", columns="estimator", values="few")[order]
            .eq(True)
            .to_numpy(dtype=np.bool_),
        )
        title = f"ROC AUC by model and estimator, {task}"
        figures = drawer.add(ROC_AUC_MODELS, title, stem, [heatmap_figure(heatmap, title)])
        columns = texts("model", *map(str, wide.columns))
        table = table_from_frame(wide.reset_index(), title, columns)
        blocks.append(Block(f"On {plain(task)}", note, figures, [table]))
    return blocks


def _tests(tests: pd.DataFrame) -> list[Block]:
    shown = [
        pairs_table(own, kind, title)
        for kind, title in (("model", "Pairs of models"), ("task", "Pairs of tasks"))
        if len(own := tests[tests["family"] == f"{kind}s"])
    ]
    note = (
        "Each model against its own errors on the common questions; McNemar's test for accuracies."
    )
    return [Block("Paired tests", note, tables=shown)] if shown else []


def _sizes(sizes: pd.DataFrame, drawer: Drawer) -> list[Block]:
    """Per task the plots against size."""
    blocks = []
    columns = (
        Shown("model", "model", "text"),
        Shown("parameters", "parameters", "plain3"),
        Shown("accuracy", "accuracy"),
        Shown("best estimator", "estimator", "text"),
        Shown("its ROC AUC", "roc_auc"),
        Shown("entropy", "entropy", "text"),
        Shown("its mean", "mean_entropy"),
        Shown("probability", "calibrated", "text"),
        Shown("its ECE", "ece"),
    )
    stems = file_stems(list(dict.fromkeys(sizes["task"])))
    for task, own in sizes.groupby("task", sort=False):
        title = f"Against the models' size: {task}"
        figure = size_figure(own, title)
        drawn = [figure] if figure is not None else []
        figures = drawer.add(MODEL_SIZE, title, stems[str(task)], drawn)
        table = table_from_frame(own, f"Sizes on {plain(task)}", columns)
        blocks.append(Block(f"Size, {plain(task)}", figures=figures, tables=[table]))
    return blocks
