"""`apprehend analyse`: analyses of the benchmark itself from the stored models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..analyses.difficulty import (
    compute_order_flags,
    compute_rasch,
    compute_rasch_difficulty,
    compute_u_curve,
    error_matrix,
)
from ..analyses.factorization import Factors, compute_factors
from ..analyses.study.study import Study
from ..figures.drawing import Drawer
from ..figures.layout import single
from ..figures.leaderboard import Heatmap, heatmap_figure
from ..frames.atomic_files import write_atomically
from ..frames.blocks import Block, Shown, table_from_frame
from ..frames.csv_files import csv_text
from ..frames.figure_kind import FigureKind
from ..frames.formatting import file_stems, number, plain
from ..frames.inputs import ReportInput
from ..frames.style import BY_NAME, FORMATS
from ..metrics.evaluation import Rows, evaluations
from ..statistics.short_repr import short_repr
from .columns import DIFFERENCE, INTERVAL, N, texts
from .declared_analyses import declared_blocks, declared_frames, declared_summary
from .page import PageSection, render_page

U_CURVE = FigureKind(
    "u_curve",
    "U-curve",
    "Mean score by the share of the other stored models that are wrong; vertical lines are 95 % "
    "intervals. High at both ends: uncertainty that difficulty does not explain.",
    data="u_curve.csv",
)
ERROR_CLUSTERS = FigureKind(
    "error_clusters",
    "Shared causes of errors",
    "Share of the questions of each topic by their strongest cause; the remainder are questions "
    "that every model answers correctly. Causes are named after their overrepresented topics.",
    data="clusters.csv",
)


@short_repr
@dataclass(frozen=True)
class BenchmarkAnalyses:
    """Result of `build_benchmark_analyses`.

    Attributes:
        frames: file name → frame.
        factors: task → shared causes of errors.
        summary: sentences on the findings.
        files: paths written, in order.
    """

    frames: dict[str, pd.DataFrame]
    factors: dict[str, Factors]
    summary: list[str]
    files: list[Path] = field(default_factory=list)


def build_benchmark_analyses(
    data: ReportInput,
    output_path: str | Path,
    rows: Rows = "all",
    formats: Sequence[str] = FORMATS,
    seed: int = 0,
) -> BenchmarkAnalyses:
    """Analyze the benchmark and write CSV files, figures and a page below `output_path`.

    The CSV files are u_curve, option_order, rasch_difficulty, rasch, clusters, factors and those of
    the declared analyses (`BenchmarkAnalysis`), each only if it has rows; the summary states what
    the stored models do not allow.

    Args:
        data: Scores and facts of a results folder.
        output_path: Folder of the files, created if necessary.
        rows: Row convention, "all" or "paper".
        formats: Formats of the figures, any of "png", "svg", "pdf".
        seed: Seed of what is drawn at random.

    Returns:
        Frames, factors, summary and paths of the files.

    Raises:
        ValueError: The input is inconsistent, or a format is unknown.
    """
    root = Path(output_path)
    evaluated = evaluations(data, rows)
    factors: dict[str, Factors] = {}
    clusters = []
    for task in dict.fromkeys(evaluation.task for evaluation in evaluated):
        matrix = error_matrix([evaluation for evaluation in evaluated if evaluation.task == task])
        factorization = compute_factors(matrix)
        if factorization is not None:
            factors[task] = factorization
            frame = pd.DataFrame({"task": task, "question_id": matrix.question_ids})
            frame["topic"], frame["cluster"] = matrix.topics, factorization.cluster
            clusters.append(frame)
    difficulties = compute_rasch_difficulty(evaluated)
    frames = {
        "u_curve": compute_u_curve(evaluated, data.with_trait("against_difficulty")),
        "option_order": compute_order_flags(data),
        "rasch_difficulty": difficulties,
        "rasch": compute_rasch(data, difficulties),
        "factors": _ranks(factors),
        "clusters": pd.concat(clusters) if clusters else pd.DataFrame(),
    }
    declared = declared_frames(Study(data, evaluated, seed))
    summary = _summary(frames, factors) + declared_summary(declared)
    frames |= declared
    result = BenchmarkAnalyses(frames, factors, summary)
    drawer = Drawer(root / "figures", formats)
    for name, frame in frames.items():
        if len(frame):
            text = csv_text(frame)
            result.files.append(write_atomically(root / f"{name}.csv", text))
    with drawer:
        blocks = _blocks(frames, factors, drawer) + declared_blocks(declared)
    result.files.extend(drawer.files)
    settings: dict[str, Any] = {"rows": rows, "replicates": 0, "seed": seed}
    settings |= {"title": "The benchmark itself", "summary": result.summary}
    html = render_page([PageSection("Analyses", blocks)], data.manifests, [], settings)
    result.files.append(write_atomically(root / "index.html", html))
    return result


def _ranks(factors: dict[str, Factors]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "task": task,
                "rank": rank,
                "held_out_error": score,
                "chosen": rank == factorization.rank,
            }
            | {"standard_error": factorization.spreads[rank], "stability": factorization.stability}
            for task, factorization in factors.items()
            for rank, score in factorization.scores.items()
        ]
    )


def _summary(frames: dict[str, pd.DataFrame], factors: dict[str, Factors]) -> list[str]:
    lines = []
    for task, factorization in factors.items():
        several = f"{factorization.rank} shared causes predict"
        causes = "1 shared cause predicts" if factorization.rank == 1 else several
        lines.append(
            f"{task}: {causes} held-out errors best (stability over seeds "
            f"{number(factorization.stability)}): {'; '.join(factorization.names)}."
        )
    if not factors:
        lines.append("Shared causes require four models on one task.")
    if frames["u_curve"].empty:
        lines.append("The U-curve requires three models with common questions.")
    flags = frames["option_order"]
    if flags.empty:
        lines.append("Sensitivity to option order requires the signal permuted_answers.")
    for row in flags[flags["flag"].astype(bool)].to_dict("records") if len(flags) else []:
        lines.append(
            f"{row['model']} on {row['task']} is more accurate with the options in published order "
            f"(difference {number(row['difference'])}), which indicates contamination or position "
            "bias."
        )
    if frames["rasch_difficulty"].empty:
        lines.append("Rasch difficulty requires three models on one task.")
    elif frames["rasch"].empty:
        lines.append("Correlating Rasch difficulty with judges requires judgements that vary.")
    return lines


def _blocks(
    frames: dict[str, pd.DataFrame], factors: dict[str, Factors], drawer: Drawer
) -> list[Block]:
    blocks = []
    curves = frames["u_curve"]
    pairs = list(curves.groupby(["task", "estimator"], sort=False)) if len(curves) else []
    stems = file_stems([f"{task}_{name}" for (task, name), _ in pairs])
    for (task, name), own in pairs:
        title = f"{name} by difficulty for the other models, {task}"
        drawn = [u_figure(own, title)]
        figures = drawer.add(U_CURVE, title, stems[f"{task}_{name}"], drawn)
        blocks.append(Block(plain(title), figures=figures))
    for task, factorization in factors.items():
        title = f"Shared causes of errors, {task}"
        heatmap = Heatmap(
            [plain(name) for name in factorization.names],
            [plain(topic) for topic in factorization.topics],
            factorization.shares,
            1 / (factorization.rank + 1),
            "share",
            (0.0, 1.0),
        )
        stem = file_stems([task])[task]
        figures = drawer.add(ERROR_CLUSTERS, title, stem, [heatmap_figure(heatmap, title)])
        own = frames["factors"][frames["factors"]["task"] == task]
        columns = (
            Shown("causes", "rank", "count"),
            Shown("held-out squared error", "held_out_error", "plain3"),
            Shown("standard error", "standard_error", "plain3"),
            Shown("chosen", "chosen", "yes"),
        )
        blocks.append(Block(title, figures=figures, tables=[table_from_frame(own, title, columns)]))
    for key, title, shown in _TABLES:
        frame = _by_topic(frames[key]) if key == "rasch_difficulty" else frames[key]
        if len(frame):
            blocks.append(Block(title, tables=[table_from_frame(frame, title, shown)]))
    return blocks


def _by_topic(difficulties: pd.DataFrame) -> pd.DataFrame:
    """Average difficulty and share of wrong answers per task and topic, with n."""
    groups = difficulties.groupby(["task", "topic"], sort=False)
    means = groups[["difficulty", "share_wrong"]].mean()
    return means.assign(n=groups.size()).reset_index()


_TABLES: tuple[tuple[str, str, tuple[Shown, ...]], ...] = (
    (
        "option_order",
        "Sensitivity to option order",
        (
            *(*texts("model", "task"), N),
            Shown("accuracy as published", "accuracy_as_published"),
            Shown("reordered", "accuracy_reordered"),
            *(DIFFERENCE, INTERVAL),
            Shown("p", "p", "p"),
            Shown("right only as published", "right_only_as_published", "percent"),
            Shown("flag", "flag", "yes"),
        ),
    ),
    (
        "rasch_difficulty",
        "Rasch difficulty by topic",
        (
            *(*texts("task", "topic"), N),
            Shown("mean difficulty", "difficulty", "signed"),
            Shown("wrong answers", "share_wrong", "percent"),
        ),
    ),
    (
        "rasch",
        "Rasch difficulty and the judges",
        (
            *(*texts("task", "questionnaire", "judge"), N),
            Shown("models", "models", "count"),
            Shown("rank correlation", "spearman", "signed"),
            Shown("p", "p", "p"),
        ),
    ),
)


def u_figure(curve: pd.DataFrame, title: str) -> Figure:
    """Draw the mean score with 95 % intervals by difficulty, one line per model."""
    models = list(dict.fromkeys(curve["model"]))
    right = 0.8 + 0.075 * max(len(plain(model)[:40]) for model in models)
    figure, ax = single((4.2, 3.0), (0.75, right, 0.5, 0.55), title)
    for model in models:
        own = curve[curve["model"] == model]
        x, y, error = (
            own[name].to_numpy(dtype=np.float64)
            for name in ("difficulty", "mean_score", "standard_error")
        )
        color, dashes = BY_NAME.of(f"model {model}")
        ax.plot(x, y, "o", linestyle=dashes, color=color, markersize=3, label=plain(model)[:40])
        ax.vlines(x, y - 1.96 * error, y + 1.96 * error, color=color, linewidth=1)
    ax.set(xlabel="share of the other models that are wrong", ylabel="mean score")
    ax.grid(True, axis="both")
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
    return figure
