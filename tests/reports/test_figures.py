"""Figures show all of what they say: nothing is cut off, and titles cover nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from apprehend.reports.figures.layout import panels, single
from apprehend.reports.figures.leaderboard import Heatmap, compute_topic_heatmap, heatmap_figure
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

TITLES = [
    "Short",
    "Rank correlation of the estimators: Meta-Llama-3.1-70B-Instruct on mmlu_pro_cot_5shot",
    f"Reliability diagrams: {'organisation__model-of-a-long-name-' * 4} on mmlu_pro_direct",
]


def check_whole(figure: Figure, title: str) -> None:
    """All words of the title are there, inside the figure and above its axes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    lines = [text for text in figure.texts if text.get_text()]
    assert "".join("".join(line.get_text().split()) for line in lines) == "".join(title.split())
    highest = max(ax.get_tightbbox(renderer).y1 for ax in figure.axes)
    for line in lines:
        box = line.get_window_extent(renderer)
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert box.y0 > highest


@pytest.mark.parametrize("title", TITLES)
def test_long_titles_are_wrapped(title: str) -> None:
    check_whole(single((2.0, 1.0), (0.6, 0.3, 0.5, 0.5), title)[0], title)
    check_whole(panels(1, (1.5, 1.5), title)[0], title)
    matrix = Heatmap(["one", "two"], ["one", "two"], np.eye(2), 0.0, "correlation")
    check_whole(heatmap_figure(matrix, title), title)


@pytest.mark.parametrize(("topics", "estimators_are_rows"), [(14, True), (57, False)])
def test_many_topics_are_rows(topics: int, estimators_are_rows: bool) -> None:
    names = ["all", "macro", *(f"topic_{number}" for number in range(topics))]
    rows = [
        {
            "topic": topic,
            "estimator": estimator,
            "n": 10,
            "n_errors": 5,
            "n_topics": topics if topic == "macro" else np.nan,
            "n_topics_total": topics if topic == "macro" else np.nan,
            "roc_auc": 0.5 + place / 1000 + number / 10,
            "roc_auc_low": 0.4,
            "roc_auc_high": 0.9,
            "coverage": 1.0,
        }
        for place, topic in enumerate(names)
        for number, estimator in enumerate(("token_entropy", "random"))
    ]
    heatmap = compute_topic_heatmap(pd.DataFrame(rows))
    assert heatmap is not None
    shape = (2, len(names)) if estimators_are_rows else (len(names), 2)
    assert heatmap.values.shape == shape == (len(heatmap.rows), len(heatmap.columns))
    by_topic = heatmap.values if estimators_are_rows else heatmap.values.T
    place = (heatmap.rows if estimators_are_rows else heatmap.columns).index("token_entropy")
    assert by_topic[place, 4] == pytest.approx(0.504)
    width, _ = heatmap_figure(heatmap, "A title").get_size_inches()
    assert width < 12


def test_a_number_that_rounds_to_nothing_has_no_sign() -> None:
    matrix = Heatmap(["one"], ["two", "three", "four"], np.array([[-0.001, 1.0, -0.5]]), 0.0, "r")
    shown = [text.get_text() for text in heatmap_figure(matrix, "A title").axes[0].texts]
    assert shown == [".00", "1", "-.50"]
