"""The page's section on one model on one task, and the figures in it."""

from __future__ import annotations

from collections.abc import Iterator

from ..analyses.confident import confident_errors
from ..analyses.together import Analyses
from ..figures.drawing import Drawer
from ..figures.task_figure import TaskContext
from ..frames.blocks import Block, PageFigure
from ..frames.formatting import plain
from ..frames.inputs import ReportInput
from ..frames.limits import tested_note
from ..frames.style import Styles
from ..metrics.evaluation import ALL, MACRO, Evaluation
from ..metrics.summary import against, best_estimator, few_note
from ..metrics.topic_tables import topic_tables
from . import answer_tables, metric_tables
from .placed_figures import task_figures


class TaskSection:
    """Builds the blocks of one model on one task, in the page's order."""

    def __init__(
        self, data: ReportInput, analyses: Analyses, one: Evaluation, drawer: Drawer, stem: str
    ) -> None:
        self.data, self.analyses, self.one = data, analyses, one
        self.drawer, self.stem = drawer, stem
        self.title = f"{one.model} on {one.task}"
        styles = Styles({name: known.look for name, known in data.traits.items()})
        self.context = TaskContext(data, analyses, one, styles)
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

    def _figures(self, block: str) -> list[PageFigure]:
        """The figures of a part of the section, drawn."""
        shown: list[PageFigure] = []
        for kind in task_figures():
            if kind.block == block:
                title = f"{kind.title}: {self.title}"
                figures = kind.draw(self.context, title)
                shown += self.drawer.add(kind, title, self.stem, figures, kind.note(self.context))
        return shown

    def _ranking(self) -> Block:
        table = metric_tables.pooled_table(self.metrics, self.analyses.more_metrics)
        title = "Ranking of errors, all questions pooled"
        note = few_note(self.metrics[self.metrics["topic"].isin((ALL, MACRO))])
        return Block(title, note, self._figures("ranking"), [table])

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
        return Block("ROC AUC by topic", few_note(self.metrics), self._figures("topics"), [table])

    def _by_stratum(self) -> Iterator[Block]:
        if not self.one.strata:
            return
        trends = self.analyses.of("trends", self.one)
        shown = [metric_tables.trend_table(trends)] if len(trends) else []
        title = "By reasoning steps and other strata"
        yield Block(title, few_note(self.metrics), self._figures("strata"), shown)

    def _curves(self) -> Iterator[Block]:
        figures = self._figures("curves")
        if figures:
            yield Block("Curves and histograms", figures=figures)

    def _calibration(self) -> Iterator[Block]:
        table = metric_tables.calibration_table(self.metrics, self.analyses.more_metrics)
        if table is None:
            return
        note = (
            "Only scores that claim to be probabilities of an error are calibrated; an entropy is "
            "none. On the rows with an answer and a score; ECE over 15 bins."
        )
        yield Block("Calibration", note, self._figures("calibration"), [table])

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
        note = (
            "Sets of options that hold the right one with probability 1 - α over all questions. "
            "LAC keeps options above a probability, APS the most probable ones up to a sum."
        )
        figures = self._figures("conformal")
        yield Block("Conformal sets", note, figures, answer_tables.conformal_tables(own))

    def _letters(self) -> Iterator[Block]:
        positions = self.analyses.letters.get((self.one.model, self.one.task))
        if positions is None:
            return
        table = answer_tables.position_table(positions.frame())
        yield Block("Option letters", figures=self._figures("letters"), tables=[table])

    def _together(self) -> Iterator[Block]:
        pairs = self.analyses.of("complementarity", self.one)
        if pairs.empty:
            return
        note = (
            "What a second estimator adds: the ROC AUC of the mean of both ranks, and the share "
            "of the errors in one's more certain half that the other puts in its less certain half."
        )
        table = metric_tables.complementarity_table(pairs)
        yield Block("Estimators together", note, self._figures("together"), [table])

    def _flow(self) -> Block:
        flow = self.analyses.of("flow", self.one)
        missing = self.analyses.of("missing", self.one)
        by_topic = self.analyses.of("missing_by_topic", self.one)
        gaps = answer_tables.missing_tables(missing, by_topic)
        note = "" if len(missing) else "Every estimator scored every question."
        shown = [answer_tables.flow_table(flow), *gaps]
        figures = self._figures("flow")
        return Block("Questions and missing scores (n-flow)", note, figures, shown)

    def _confident(self) -> Iterator[Block]:
        errors = confident_errors(self.data, self.one, self.shown) if self.shown else []
        if errors:
            note = f"The wrong answers that {plain(self.shown)} was most certain of."
            yield Block("Confident and wrong", note, tables=[answer_tables.confident_table(errors)])
