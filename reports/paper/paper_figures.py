"""Figures of the reference paper from stored results, with the published values beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures.judge_labels import Shares
from ..figures.layout import single
from ..figures.reliability import Reliability, reliability_of
from ..frames.figure_kind import FigureKind
from ..frames.formatting import plain
from ..frames.inputs import ReportInput
from ..frames.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILION, draw_few
from ..metrics.evaluation import ALL, MACRO, Evaluation, keys
from ..statistics.ranking import FloatArray
from ..statistics.short_repr import short_repr
from .ece_verdicts import entropy_share

FIGURE_2A = FigureKind(
    "figure_2a",
    "Figure 2a",
    "Share of the questions that the judge says require reasoning, by topic.",
)
FIGURE_2B = FigureKind(
    "figure_2b",
    "Figure 2b",
    "Share of the questions by the judge's number of reasoning steps, by topic.",
)
FIGURE_3 = FigureKind(
    "figure_3",
    "Figures 3 and 7",
    "Questions per 0.1 nats of entropy (finer where all lie below 1 nat), by correctness.",
)
FIGURE_4 = FigureKind(
    "figure_4",
    "Figure 4",
    "Points: here, with 95 % intervals; open squares: as published (first source). Right of the "
    "line errors have the higher entropy.",
)
FIGURE_5 = FigureKind(
    "figure_5",
    "Figure 5",
    "As Figure 4, by the judge's labels.",
)
FIGURE_6 = FigureKind(
    "figure_6",
    "Figure 6",
    "Confidence as one minus the entropy over the largest one seen: no probability, shown because "
    "it was published so. Gray: share of the questions.",
)
TOKEN_POSITION = FigureKind(
    "token_position",
    "Token position",
    "ROC AUC of the entropy from which the answer token is drawn, against that one token later, as"
    " the first paper's code reads it.",
)

_COLORS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, GRAY)


def compute_stratum_shares(data: ReportInput, task: str, stratum: str) -> Shares | None:
    """Shares of a stratum's values by topic, sorted by the share of the last value."""
    strata = data.strata[data.strata["task"].astype(str).eq(task)]
    strata = strata[strata["stratum"].astype(str).eq(stratum)].dropna(subset=["value"])
    questions = data.scores[data.scores["task"].astype(str).eq(task)]
    topic = questions.drop_duplicates("question_id")
    topic_of = pd.Series(topic["topic"].to_numpy(), index=keys(topic["question_id"]))
    if strata.empty:
        return None
    frame = pd.DataFrame(
        {
            "topic": topic_of.reindex(keys(strata["question_id"])).to_numpy(),
            "value": strata["value"].astype(str).to_numpy(),
        }
    ).dropna()
    order = [v for v in ("no", "low", "yes", "medium", "high") if (frame["value"] == v).any()]
    table = pd.crosstab(frame["topic"], frame["value"], normalize="index")[order]
    table = table.sort_values(order[-1], ascending=False, kind="stable")
    labels = [plain(name) for name in table.index]
    legend = plain(stratum).replace("_", " ")
    return Shares(labels, order, table.to_numpy(dtype=np.float64), legend)


@short_repr
@dataclass(frozen=True)
class GroupedAreas:
    """ROC AUC of one estimator by group and model, with what was published.

    Attributes:
        groups: g labels.
        models: m names.
        values, low, high, published: (m, g), NaN where unknown.
    """

    groups: list[str]
    models: list[str]
    values: FloatArray
    low: FloatArray
    high: FloatArray
    published: FloatArray


def compute_grouped_areas(
    metrics: pd.DataFrame, verdicts: pd.DataFrame, estimator: str, strata: bool
) -> GroupedAreas | None:
    """From metrics of several models and their verdicts (first source of each cell)."""
    own = metrics[(metrics["estimator"] == estimator) & metrics["topic"].ne(MACRO)]
    stratum = own["topic"].str.contains("=") & ~own["topic"].str.startswith("topic=")
    own = own[(stratum if strata else ~stratum) | own["topic"].eq(ALL)]
    if own.empty or (strata and own["topic"].eq(ALL).all()):
        return None
    groups = list(dict.fromkeys(own["topic"]))
    runs = list(dict.fromkeys(zip(own["model"], own["task"], strict=True)))
    parts = [
        own[(own["model"] == model) & (own["task"] == task)].set_index("topic").reindex(groups)
        for model, task in runs
    ]
    values, low, high = (
        np.stack([part[name].to_numpy(dtype=np.float64) for part in parts])
        for name in ("roc_auc", "roc_auc_low", "roc_auc_high")
    )
    printed = np.full(values.shape, np.nan)
    known = verdicts[verdicts["estimator"] == estimator]
    for index, (model, task) in enumerate(runs):
        mine = known[(known["stored_model"] == model) & (known["stored_task"] == task)]
        first = mine.drop_duplicates("topic").set_index("topic")["published"]
        printed[index] = first.reindex(groups).to_numpy(dtype=np.float64)
    tasks = {task for _, task in runs}
    names = [model if len(tasks) == 1 else f"{model}, {task}" for model, task in runs]
    return GroupedAreas([plain(g) for g in groups], names, values, low, high, printed)


def draw_grouped_areas(ax: Axes, areas: GroupedAreas) -> Axes:
    """Points with intervals per group and model; open squares are published values."""
    at = np.arange(len(areas.groups), dtype=np.float64)
    at[1:] += 0.5
    step = 0.7 / max(len(areas.models), 1)
    for index, model in enumerate(areas.models):
        color = _COLORS[index % len(_COLORS)]
        y = at + step * (index - (len(areas.models) - 1) / 2)
        ax.hlines(y, areas.low[index], areas.high[index], color=color, linewidth=1.3)
        ax.plot(areas.values[index], y, "o", color=color, markersize=4, label=plain(model)[:48])
        draw_few(ax, areas.values[index], y, areas.low[index])
        known = areas.published[index]
        ax.plot(known, y, "s", color=color, markersize=5, fillstyle="none")
    if not np.isnan(areas.published).all():
        ax.plot([], [], "s", color="#222222", markersize=5, fillstyle="none", label="published")
    ax.axvline(0.5, color="#222222", linewidth=0.8)
    ax.set_yticks(at, areas.groups)
    ax.set_ylim(at[-1] + 0.6, -0.6)
    ax.set_xlabel("ROC AUC of errors (0.5 = chance)")
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
    return ax


def grouped_areas_figure(areas: GroupedAreas, title: str) -> Figure:
    """One plot, its height fitted to groups and models."""
    left = 0.3 + 0.075 * max(map(len, areas.groups))
    rows = len(areas.groups) * max(1.0, 0.45 * len(areas.models)) + 1
    right = 0.6 + 0.075 * max(len(plain(model)[:48]) for model in [*areas.models, "published"])
    figure, ax = single((4.4, 0.22 * rows), (left, right, 0.5, 0.55), title)
    draw_grouped_areas(ax, areas)
    return figure


def compute_entropy_calibration(evaluation: Evaluation, estimator: str) -> Reliability | None:
    """The paper's calibration curve of confidence 1 - H / max H; None without the entropy.

    Dividing by the largest entropy seen makes no probability of it: the curve is here to be
    compared with the published one.
    """
    rows = entropy_share(evaluation, estimator)
    if rows is None:
        return None
    return reliability_of(f"{plain(evaluation.model)[:12]}: {estimator}", *rows, None)


def tertiles(evaluation: Evaluation, estimator: str) -> list[tuple[str, int, float]]:
    """Name, number and accuracy of the easy, medium and hard third by a score."""
    raw = evaluation.raw[:, evaluation.estimators.index(estimator)]
    known = np.flatnonzero(~np.isnan(raw))
    order = known[np.lexsort((evaluation.question_ids[known], raw[known]))]
    parts: Sequence[FloatArray] = np.array_split(order, 3)
    return [
        (name, int(part.size), float((~evaluation.errors[part]).mean()) if part.size else np.nan)
        for name, part in zip(("easy", "medium", "hard"), parts, strict=True)
    ]
