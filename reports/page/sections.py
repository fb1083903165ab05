"""The page's section on one model on one task, and the figures in it."""

from __future__ import annotations

from collections.abc import Iterator

from ..analyses.complementarity import correlation_matrix
from ..analyses.confident import confident_errors
from ..analyses.together import Analyses
from ..figures.auc import auc_figures, compute_auc_bars
from ..figures.curves import (
    compute_precision_recall,
    compute_risk_coverage,
    precision_recall_figure,
    risk_coverage_figure,
)
from ..figures.drawing import Drawer
from ..figures.flow_chart import compute_flow_bars, flow_figure
from ..figures.leaderboard import (
    Heatmap,
    compute_leaders,
    compute_topic_heatmap,
    heatmap_figure,
    leaderboard_figure,
)
from ..figures.option_letters import compute_sets_by_topic, conformal_figure, positions_figure
from ..figures.reliability import compute_reliability, reliability_figures
from ..figures.score_histograms import (
    compute_histograms,
    compute_roc_curves,
    histogram_figures,
    roc_figure,
)
from ..figures.strata import compute_trend_lines, trend_figure
from ..frames.blocks import Block, PageFigure
from ..frames.catalogue import FIGURES
from ..frames.formatting import plain
from ..frames.inputs import ReportInput
from ..frames.limits import drawn_note, tested_note
from ..frames.style import Styles
from ..metrics.evaluation import ALL, MACRO, Evaluation
from ..metrics.summary import against, best_estimator, few_note
from ..metrics.topic_tables import topic_tables
from . import answer_tables, metric_tables


class TaskSection:
    """Builds the blocks of one model on one task, in the page's order."""

    def __init__(
        self, data: ReportInput, analyses: Analyses, one: Evaluation, drawer: Drawer, stem: str
    ) -> None:
        self.data, self.analyses, self.one = data, analyses, one
        self.drawer, self.stem = drawer, stem
        self.title = f"{one.model} on {one.task}"
        self.styles = Styles({name: known.look for name, known in data.traits.items()})
        self.metrics = analyses.of("metrics", one)
        self.best = best_estimator(self.metrics)
        # Thresholds and single answers are no verdict: without a best estimator the first is shown.
        self.shown = self.best or (one.estimators[0] if one.estimators else None)
        own = analyses.comparisons
        within = own["model_a"].eq(one.model) & own["task_a"].eq(one.task)
        self.comparisons = own[within]

    def blocks(self) -> Iterator[Block]:
        """All blocks; those without anything to show are left out."""
        yield self._ranking()
        yield from self._differences()
        yield self._by_topic()
        yield from self._by_stratum()
        yield from self._curves()
        yield from self._calibration()
        yield from self._thresholds()
        yield from self._conformal()
        yield from self._letters()
        yield from self._together()
        yield self._flow()
        yield from self._confident()

    def _title(self, kind: str) -> str:
        return f"{FIGURES[kind][0]}: {self.title}"

    def _draw(self, kind: str, *figures: object, note: str = "") -> list[PageFigure]:
        known = [figure for figure in figures if figure is not None]
        return self.drawer.add(kind, self._title(kind), self.stem, known, note)  # type: ignore[arg-type]

    def _ranking(self) -> Block:
        leaders = compute_leaders(self.metrics)
        kind = "leaderboard"
        figure = leaderboard_figure(leaders, self._title(kind), self.styles) if leaders else None
        table = metric_tables.pooled_table(self.metrics, self.analyses.more_metrics)
        title = "Ranking of errors, all questions pooled"
        note = few_note(self.metrics[self.metrics["topic"].isin((ALL, MACRO))])
        return Block(title, note, self._draw(kind, figure), [table])

    def _differences(self) -> Iterator[Block]:
        if self.best is None:
            return
        shown = []
        pairs = against(self.comparisons, self.best)
        if len(pairs):
            shown.append(metric_tables.against_table(pairs, self.best))
        for family, kind, title in (
            ("estimators", "estimator", "All pairs of estimators"),
            ("topics", "topic", f"Pairs of topics, {plain(self.best)}"),
        ):
            own = self.comparisons[self.comparisons["family"] == family]
            if len(own):
                left = self._untested() if family == "topics" else ""
                shown.append(metric_tables.pairs_table(own, kind, title, left))
        note = (
            "Paired DeLong tests on the questions that both scored; p-values are adjusted by Holm "
            "over all pairs of this model and task. Not distinguishable does not mean equal: the "
            "interval says how large a difference may be."
        )
        if shown:
            note = " ".join(filter(None, (note, self._untested())))
            yield Block("Which differences are real", note, tables=shown)

    def _untested(self) -> str:
        """What is said of the topics whose pairs are not tested."""
        own = self.analyses.of("untested", self.one)
        own = own[own["family"] == "topics"]
        return tested_note(int(own["of"].iloc[0]), "topics") if len(own) else ""

    def _by_topic(self) -> Block:
        table = metric_tables.topic_table(topic_tables(self.metrics)[0])
        heatmap = compute_topic_heatmap(self.metrics)
        kind, note = "roc_auc_heatmap", drawn_note(len(self.one.topics))
        figures = self._draw(
            kind, heatmap and heatmap_figure(heatmap, self._title(kind)), note=note
        )
        kind = "roc_auc_by_topic"
        bars = auc_figures(compute_auc_bars(self.metrics), self._title(kind), self.styles)
        figures += self._draw(kind, *bars, note=note)
        return Block("ROC AUC by topic", few_note(self.metrics), figures, [table])

    def _by_stratum(self) -> Iterator[Block]:
        if not self.one.strata:
            return
        kind = "roc_auc_by_stratum"
        bars = auc_figures(
            compute_auc_bars(self.metrics, strata=True), self._title(kind), self.styles
        )
        figures = self._draw(kind, *bars, note=drawn_note(len(self.one.strata), "strata"))
        trends = self.analyses.of("trends", self.one)
        shown = []
        if len(trends):
            shown.append(metric_tables.trend_table(trends))
            kind = "roc_auc_trend"
            for lines in compute_trend_lines(self.metrics, trends):
                figures += self._draw(kind, trend_figure(lines, self._title(kind), self.styles))
        title = "By reasoning steps and other strata"
        yield Block(title, few_note(self.metrics), figures, shown)

    def _curves(self) -> Iterator[Block]:
        curves = compute_roc_curves(self.one)
        figures: list[PageFigure] = []
        if curves:
            kind = "roc_curves"
            figures += self._draw(kind, roc_figure(curves, self._title(kind), self.styles))
        kind, selection = "pr_curves", compute_precision_recall(self.one)
        if selection:
            figures += self._draw(
                kind, precision_recall_figure(selection, self._title(kind), self.styles)
            )
        kind, selection = "risk_coverage", compute_risk_coverage(self.one)
        if selection:
            figures += self._draw(
                kind, risk_coverage_figure(selection, self._title(kind), self.styles)
            )
        kind = "score_histograms"
        figures += self._draw(
            kind, *histogram_figures(compute_histograms(self.one), self._title(kind))
        )
        if figures:
            yield Block("Curves and histograms", figures=figures)

    def _calibration(self) -> Iterator[Block]:
        table = metric_tables.calibration_table(self.metrics, self.analyses.more_metrics)
        if table is None:
            return
        kind = "reliability"
        seed = int(self.metrics["seed"].iloc[0])
        diagrams = compute_reliability(self.one, self.data.probabilities, seed)
        figures = self._draw(kind, *reliability_figures(diagrams, self._title(kind)))
        note = (
            "Only scores that claim to be probabilities of an error are calibrated; an entropy is "
            "none. On the rows with an answer and a score; ECE over 15 bins."
        )
        yield Block("Calibration", note, figures, [table])

    def _thresholds(self) -> Iterator[Block]:
        if self.shown is None:
            return
        own = self.analyses.of("thresholds", self.one)
        note = (
            "Thresholds on all questions, for orientation; apprehend threshold chooses one for a "
            "target risk on one part of the questions and tests it on the rest."
        )
        yield Block("Thresholds", note, tables=[metric_tables.threshold_table(own, self.shown)])

    def _conformal(self) -> Iterator[Block]:
        own = self.analyses.of("conformal", self.one)
        if own.empty:
            return
        kind, sets = "conformal_sets", compute_sets_by_topic(own)
        figure = sets and conformal_figure(sets, self._title(kind))
        figures = self._draw(kind, figure, note=drawn_note(len(self.one.topics)))
        note = (
            "Sets of options that hold the right one with probability 1 - α over all questions. "
            "LAC keeps options above a probability, APS the most probable ones up to a sum."
        )
        yield Block("Conformal sets", note, figures, answer_tables.conformal_tables(own))

    def _letters(self) -> Iterator[Block]:
        positions = self.analyses.letters.get((self.one.model, self.one.task))
        if positions is None:
            return
        kind = "option_positions"
        figures = self._draw(kind, positions_figure(positions, self._title(kind)))
        table = answer_tables.position_table(positions.frame())
        yield Block("Option letters", figures=figures, tables=[table])

    def _together(self) -> Iterator[Block]:
        pairs = self.analyses.of("complementarity", self.one)
        if pairs.empty:
            return
        order = [leader.estimator for leader in compute_leaders(self.metrics)]
        names = [name for name in order if name in {*pairs["estimator_a"], *pairs["estimator_b"]}]
        labels = [plain(name)[:44] for name in names]
        matrix = correlation_matrix(pairs, names)
        kind = "correlation"
        heatmap = Heatmap(labels, labels, matrix, 0.0, "rank correlation", (-1.0, 1.0))
        figures = self._draw(kind, heatmap_figure(heatmap, self._title(kind)))
        note = (
            "What a second estimator adds: the ROC AUC of the mean of both ranks, and the share "
            "of the errors in one's more certain half that the other puts in its less certain half."
        )
        table = metric_tables.complementarity_table(pairs)
        yield Block("Estimators together", note, figures, [table])

    def _flow(self) -> Block:
        flow = self.analyses.of("flow", self.one)
        kind = "n_flow"
        figures = self._draw(kind, flow_figure(compute_flow_bars(flow), self._title(kind)))
        missing = self.analyses.of("missing", self.one)
        by_topic = self.analyses.of("missing_by_topic", self.one)
        gaps = answer_tables.missing_tables(missing, by_topic)
        note = "" if len(missing) else "Every estimator scored every question."
        shown = [answer_tables.flow_table(flow), *gaps]
        return Block("Questions and missing scores (n-flow)", note, figures, shown)

    def _confident(self) -> Iterator[Block]:
        errors = confident_errors(self.data, self.one, self.shown) if self.shown else []
        if errors:
            note = f"The wrong answers that {plain(self.shown)} was most certain of."
            yield Block("Confident and wrong", note, tables=[answer_tables.confident_table(errors)])
