"""Section of the page on one model on one task, with its figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from ..analyses.confident import confident_errors
from ..analyses.together import Analyses
from ..figures.drawing import Drawer
from ..figures.task_figure import TaskContext
from ..frames.blocks import Block, PageFigure
from ..frames.formatting import plain
from ..frames.inputs import ReportInput
from ..frames.limits import tested_note
from ..frames.style import Styles
from ..generated.forced import forced_table
from ..metrics.evaluation import ALL, Evaluation
from ..metrics.leaders import few_note, leader_of
from ..metrics.summary import against
from ..metrics.topic_tables import topic_tables
from . import answer_tables, metric_tables, missing_tables
from .choice_tables import choice_table
from .placed_figures import task_figures


def _folded(block: Block) -> Block:
    return replace(block, folded=True)


class TaskSection:
    """Builds the blocks of one model on one task."""

    def __init__(
        self,
        data: ReportInput,
        analyses: Analyses,
        evaluation: Evaluation,
        drawer: Drawer,
        stem: str,
    ) -> None:
        self.data, self.analyses, self.evaluation = data, analyses, evaluation
        self.drawer, self.stem = drawer, stem
        self.title = f"{evaluation.model} on {evaluation.task}"
        styles = Styles({name: known.look for name, known in data.traits.items()})
        self.context = TaskContext(data, analyses, evaluation, styles)
        self.metrics = analyses.of("metrics", evaluation)
        self.by_mean = analyses.of("selection_by_mean", evaluation)
        self.leader = leader_of(self.metrics, self.by_mean)
        self.best = self.leader.estimator if self.leader else None
        # Thresholds and single answers need no ranking: without a best estimator, show the first.
        self.shown = self.best or (evaluation.estimators[0] if evaluation.estimators else None)
        own = analyses.comparisons
        within = own["model_a"].eq(evaluation.model) & own["task_a"].eq(evaluation.task)
        self.comparisons = own[within]

    def blocks(self) -> Iterator[Block]:
        """Yield all non-empty blocks in order; what only some readers need is folded."""
        yield self._ranking()
        yield from map(_folded, self._differences())
        yield self._by_topic()
        yield from self._by_stratum()
        rest = (
            *(self._curves(), self._calibration(), self._thresholds(), self._conformal()),
            *(self._letters(), self._together(), self._forced(), [self._flow()]),
        )
        yield from map(_folded, chain(*rest, self._confident()))

    def _figures(self, block: str) -> list[PageFigure]:
        """Draw the figures of a block."""
        shown: list[PageFigure] = []
        for kind in task_figures():
            if kind.block == block:
                title = f"{kind.title}: {self.title}"
                figures = kind.draw(self.context, title)
                if figures:
                    note = kind.note(self.context)
                    values = kind.values(self.context) if kind.values else None
                    shown += self.drawer.add(kind, title, self.stem, figures, note, values)
        return shown

    def _ranking(self) -> Block:
        more = self.analyses.more_metrics
        shown = [metric_tables.ranking_table(self.metrics, self.by_mean, more)]
        for name in ("selection_by_mean", "selection"):
            choice = self.analyses.of(name, self.evaluation)
            leads = self.leader is not None and self.leader.by_mean == (name != "selection")
            if len(choice) and leads:
                shown.append(choice_table(choice))
        reason = self.leader.reason if self.leader else ""
        pooled = f"By the value over all questions, since {reason}." if reason else ""
        few = few_note(self.metrics[self.metrics["topic"] == ALL])
        note = " ".join(filter(None, (pooled, few)))
        return Block("Ranking of the estimators", note, self._figures("ranking"), shown)

    def _differences(self) -> Iterator[Block]:
        if self.best is None:
            return
        shown = []
        pairs = against(self.comparisons, self.best)
        if len(pairs):
            shown.append(metric_tables.against_table(pairs, self.best))
        for family, kind, title in (
            ("estimators", "estimator", "All pairs of estimators"),
            ("topics", "topic", "Pairs of topics"),
        ):
            own = self.comparisons[self.comparisons["family"] == family]
            if len(own):
                of = f", {plain(own['estimator_a'].iloc[0])}" if family == "topics" else ""
                left = self._untested() if family == "topics" else ""
                shown.append(metric_tables.pairs_table(own, kind, title + of, left))
        note = (
            "Paired DeLong tests over all questions that both scored; p-values are Holm-adjusted "
            "over all pairs of this model and task. Not distinguishable does not mean equal: the "
            "interval bounds the difference."
        )
        if shown:
            note = " ".join(filter(None, (note, self._untested())))
            yield Block("Pairwise differences", note, tables=shown)

    def _untested(self) -> str:
        """State which pairs of topics are not tested."""
        own = self.analyses.of("untested", self.evaluation)
        own = own[own["family"] == "topics"]
        return tested_note(int(own["of"].iloc[0]), "topics") if len(own) else ""

    def _by_topic(self) -> Block:
        table = metric_tables.topic_table(topic_tables(self.metrics)[0])
        return Block("ROC AUC by topic", few_note(self.metrics), self._figures("topics"), [table])

    def _by_stratum(self) -> Iterator[Block]:
        if not self.evaluation.strata:
            return
        trends = self.analyses.of("trends", self.evaluation)
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
            "Only scores that are probabilities of an error are evaluated, which entropies are "
            "not, on questions with an answer and a score. ECE over 15 bins."
        )
        yield Block("Calibration", note, self._figures("calibration"), [table])

    def _thresholds(self) -> Iterator[Block]:
        if self.shown is None:
            return
        own = self.analyses.of("thresholds", self.evaluation)
        note = (
            "Descriptive, on all questions. apprehend threshold chooses a threshold for a target "
            "risk on a part of the questions and tests it on the rest."
        )
        yield Block("Thresholds", note, tables=[metric_tables.threshold_table(own, self.shown)])

    def _conformal(self) -> Iterator[Block]:
        own = self.analyses.of("conformal", self.evaluation)
        if own.empty:
            return
        note = (
            "Sets of options that contain the correct one with probability 1 - α over all "
            "questions. LAC keeps options above a probability threshold, APS the most probable "
            "options up to a cumulative probability."
        )
        figures = self._figures("conformal")
        yield Block("Conformal sets", note, figures, answer_tables.conformal_tables(own))

    def _letters(self) -> Iterator[Block]:
        positions = self.analyses.letters.get((self.evaluation.model, self.evaluation.task))
        if positions is None:
            return
        table = answer_tables.position_table(positions.frame())
        yield Block("Option letters", figures=self._figures("letters"), tables=[table])

    def _together(self) -> Iterator[Block]:
        pairs = self.analyses.of("complementarity", self.evaluation)
        if pairs.empty:
            return
        note = (
            "Gain by a second estimator: ROC AUC of the mean rank, and share of the errors in the "
            "more certain half of one estimator that are in the less certain half of the other."
        )
        table = metric_tables.complementarity_table(pairs)
        yield Block("Complementarity of estimators", note, self._figures("together"), [table])

    def _forced(self) -> Iterator[Block]:
        own = self.analyses.of("forced_answers", self.evaluation)
        if own.empty:
            return
        note = (
            "After each chain of thought a cue asks for the answer at once, so that every text has "
            "one, also where none could be read in it. Without an answer read counts as wrong."
        )
        yield Block("Answers read and forced", note, tables=[forced_table(own)])

    def _flow(self) -> Block:
        flow = self.analyses.of("flow", self.evaluation)
        missing = self.analyses.of("missing", self.evaluation)
        by_topic = self.analyses.of("missing_by_topic", self.evaluation)
        gaps = missing_tables.missing_tables(missing, by_topic)
        note = "" if len(missing) else "Every estimator scored every question."
        found = self.analyses.found.get((self.evaluation.model, self.evaluation.task))
        table = missing_tables.flow_table(flow, found or missing_tables.PARSED)
        readings = self.analyses.of("readings", self.evaluation)
        rules = missing_tables.reading_tables(readings) if len(readings) else []
        shown = [table, *rules, *gaps]
        figures = self._figures("flow")
        return Block("Questions and missing scores (n-flow)", note, figures, shown)

    def _confident(self) -> Iterator[Block]:
        errors = confident_errors(self.data, self.evaluation, self.shown) if self.shown else []
        if errors:
            note = f"Wrong answers with the lowest {plain(self.shown)}."
            yield Block("Confident and wrong", note, tables=[answer_tables.confident_table(errors)])
