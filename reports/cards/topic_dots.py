"""The figure that comes first: ROC AUC of the leading estimator by topic, by kind of topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analyses.together import Analyses
from ..frames.figure_kind import FigureKind
from ..frames.formatting import count, plain
from ..frames.limits import DRAWN, largest
from ..frames.style import BLUE, GRAY, GREEN, VERMILION
from ..frames.tooltips import add_tip
from ..metrics.evaluation import Evaluation
from ..metrics.leaders import Value, leader_of
from ..statistics.ranking import FloatArray
from ..statistics.short_repr import short_repr
from .topic_kinds import KNOWLEDGE, REASONING, topic_kinds

PANELS = 4
"""Most pairs of model and task in the figure, those with the most questions."""
TOPIC_DOTS = FigureKind(
    "where_it_knows",
    "Where does it know when it doesn’t know?",
    "ROC AUC of the leading estimator by topic, with 95 % intervals; a diamond is the mean over "
    "the topics below it. To the right of the line at 0.5, errors are more uncertain than right "
    "answers. Hollow: too few answers for an interval. Numbers are shown where the pointer rests.",
)
_COLORS = {KNOWLEDGE: BLUE, REASONING: VERMILION, "": GREEN}
_COLUMNS = ("topic", "estimator", "n", "n_errors", "roc_auc", "roc_auc_low", "roc_auc_high")


@short_repr
@dataclass(frozen=True)
class Panel:
    """ROC AUC of one estimator by topic, of one model on one task; topic → (value, n, errors)."""

    title: str
    estimator: str
    values: Mapping[str, tuple[Value, int, int]]


@short_repr
@dataclass(frozen=True)
class TopicDots:
    """Panels of the figure over common rows.

    Attributes:
        panels: one per model and task.
        groups: kind → topics, best first; the kind is empty where nothing tells it.
        rule: by what the kinds are known; empty if no kind is.
        left: number of topics and of panels that are not drawn.
    """

    panels: Sequence[Panel]
    groups: Mapping[str, Sequence[str]]
    rule: str
    left: tuple[int, int]

    def frame(self) -> pd.DataFrame:
        """Return what is drawn as a table, one row per panel and topic."""
        rows = [
            (panel.title, kind, topic, panel.estimator, n, wrong, *(v.area, v.low, v.high))
            for panel in self.panels
            for kind, topics in self.groups.items()
            for topic in topics
            if topic in panel.values
            for v, n, wrong in [panel.values[topic]]
        ]
        return pd.DataFrame(rows, columns=["model_on_task", "kind", *_COLUMNS])


def compute_topic_dots(analyses: Analyses) -> TopicDots | None:
    """Collect the panels; None where no model has a leading estimator and topics to compare."""
    able: list[tuple[Evaluation, Panel]] = []
    for evaluation in analyses.evaluated:
        metrics = analyses.of("metrics", evaluation)
        leader = leader_of(metrics, analyses.of("selection_by_mean", evaluation))
        if leader is None:
            continue
        own = metrics[(metrics["estimator"] == leader.estimator)].set_index("topic")
        values = {}
        for topic in evaluation.topics:
            row = own.loc[[topic]].iloc[0]
            ends = (float(row[name]) for name in ("roc_auc", "roc_auc_low", "roc_auc_high"))
            values[topic] = (Value(*ends), int(row["n"]), int(row["n_errors"]))
        if sum(not np.isnan(value.area) for value, _, _ in values.values()) < 2:
            continue
        title = f"{plain(evaluation.model)} on {plain(evaluation.task)}"
        able.append((evaluation, Panel(title, plain(leader.estimator), values)))
    if not able:
        return None
    chosen = largest(able, lambda pair: pair[0].errors.size, PANELS)
    panels = [panel for _, panel in chosen]
    topics = list(dict.fromkeys(topic for panel in panels for topic in panel.values))
    drawn = largest(topics, lambda topic: max(_sizes(panels, topic)), DRAWN)
    groups, rule = _groups([evaluation for evaluation, _ in chosen], panels, drawn)
    return TopicDots(panels, groups, rule, (len(topics) - len(drawn), len(able) - len(chosen)))


def _sizes(panels: Sequence[Panel], topic: str) -> list[int]:
    return [panel.values[topic][1] for panel in panels if topic in panel.values]


def _groups(
    evaluated: Sequence[Evaluation], panels: Sequence[Panel], topics: Sequence[str]
) -> tuple[dict[str, list[str]], str]:
    """Group topics by kind, best first by their mean over the panels."""
    known: dict[str, tuple[str, str]] = {}
    for evaluation in evaluated:
        known = topic_kinds(evaluation) | known
    means = {topic: _mean([p.values[topic][0].area for p in panels if topic in p.values])
             for topic in topics}  # fmt: skip
    ordered = sorted(topics, key=lambda topic: (np.isnan(means[topic]), -means[topic]))
    groups: dict[str, list[str]] = {KNOWLEDGE: [], REASONING: [], "": []}
    for topic in ordered:
        groups[known.get(topic, ("", ""))[0]].append(topic)
    rules = dict.fromkeys(known[topic][1] for topic in topics if topic in known)
    return {kind: names for kind, names in groups.items() if names}, " or ".join(rules)


def _mean(areas: Sequence[float]) -> float:
    defined = [area for area in areas if not np.isnan(area)]
    return float(np.mean(defined)) if defined else float("nan")


def draw_topic_dots(ax: Axes, dots: TopicDots, panel: Panel) -> Axes:
    """Draw a point with its interval per topic, and the mean of each kind on the row above."""
    y = 0.0
    for kind, topics in dots.groups.items():
        color = _COLORS[kind]
        if len(dots.groups) > 1:
            _draw_mean(ax, y, kind, [panel.values[t][0].area for t in topics if t in panel.values])
            y += 1
        for topic in topics:
            if topic in panel.values:
                _draw_point(ax, y, topic, panel.values[topic], color)
            y += 1
        y += 0.4
    ax.axvline(0.5, color="#222222", linewidth=0.8)
    ax.set_title(f"{panel.title}\n{panel.estimator}"[:120], loc="left", fontsize=8.5)
    return ax


def _draw_mean(ax: Axes, y: float, kind: str, areas: Sequence[float]) -> None:
    mean, name = _mean(areas), kind or "other topics"
    if np.isnan(mean):
        return
    (point,) = ax.plot(mean, y, "D", color=_COLORS[kind], markersize=6)
    add_tip(point, f"{name}: mean over {len(areas)} topics {mean:.3f}")
    ax.annotate(
        f"{mean:.2f}",
        (mean, y),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        fontweight="bold",
    )


def _draw_point(ax: Axes, y: float, topic: str, found: tuple[Value, int, int], color: str) -> None:
    value, n, wrong = found
    if np.isnan(value.area):
        ax.text(0.5, y, " one class only", va="center", fontsize=7)
        return
    few = bool(np.isnan(value.low))
    ax.hlines(y, value.low, value.high, color=color, linewidth=1.6, alpha=0.6)
    face = "#ffffff" if few else color
    ink = GRAY if few else color
    (point,) = ax.plot(value.area, y, "o", color=ink, markerfacecolor=face, markersize=5)
    add_tip(point, f"{plain(topic)}: {value.text}, n {count(n)}, {count(wrong)} wrong")


def topic_dots_figure(dots: TopicDots) -> Figure:
    """Draw panels side by side that share the rows; kinds are named in bold."""
    labels, places, bold = list[str](), list[float](), set[int]()
    y = 0.0
    for kind, topics in dots.groups.items():
        if len(dots.groups) > 1:
            bold.add(len(labels))
            labels.append(kind or "other topics")
            places.append(y)
            y += 1
        labels += [plain(topic)[:40] for topic in topics]
        places += [y + step for step in range(len(topics))]
        y += len(topics) + 0.4
    number, size, gap = len(dots.panels), (3.0, 0.2 * y + 0.1), 0.25
    left, top, bottom = 0.25 + 0.075 * max(map(len, labels)), 0.5, 0.5
    width, height = left + number * size[0] + (number - 1) * gap + 0.2, top + size[1] + bottom
    figure = Figure(figsize=(width, height))
    limits = _limits(dots)
    for index, panel in enumerate(dots.panels):
        x = (left + index * (size[0] + gap)) / width
        ax = figure.add_axes((x, bottom / height, size[0] / width, size[1] / height))
        draw_topic_dots(ax, dots, panel)
        ax.set_yticks(places, labels if not index else [""] * len(labels))
        ax.set_ylim(y - 0.6, -0.8)
        ax.set_xlim(limits)
        ax.set_xlabel("ROC AUC of errors (0.5 = chance)")
        for place, label in enumerate(ax.get_yticklabels()):
            label.set_fontweight("bold" if place in bold else "normal")
    return figure


def _limits(dots: TopicDots) -> tuple[float, float]:
    values = [found[0] for panel in dots.panels for found in panel.values.values()]
    ends: FloatArray = np.array([(v.low, v.area, v.high) for v in values], np.float64).ravel()
    known = ends[~np.isnan(ends)]
    return min(0.45, float(known.min()) - 0.02), max(1.02, float(known.max()) + 0.02)


def dots_note(dots: TopicDots) -> str:
    """State by what the kinds are known, and what is not drawn."""
    topics, panels = dots.left
    notes = [f"Knowledge or reasoning: {dots.rule}." if dots.rule else ""]
    if panels:
        notes.append(
            f"The {PANELS} pairs of model and task with the most questions; the other "
            f"{panels:,} are in their own sections."
        )
    if topics:
        notes.append(
            f"The {DRAWN} topics with the most questions; the other {topics:,} are in metrics.csv."
        )
    return " ".join(filter(None, notes))
