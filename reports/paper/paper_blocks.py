"""The blocks of the paper's page: tables and figures in the papers' order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..figures.drawing import Drawer
from ..figures.judge_labels import shares_figure
from ..figures.reliability import reliability_figures
from ..figures.score_histograms import compute_histograms, histogram_figures
from ..figures.strata import compute_side_by_side, side_by_side_figure
from ..frames.blocks import Block, PageFigure, PageTable, Shown, table_from_frame
from ..frames.export import write_frame
from ..frames.formatting import file_stems, interval, marked, number
from ..frames.inputs import ReportInput
from ..metrics.evaluation import ALL, Evaluation
from ..page.columns import N, here, texts, verdict
from ..statistics.intervals import FEW_MARK, FEW_MEANING
from .paper_figures import (
    FIGURE_2A,
    FIGURE_2B,
    FIGURE_3,
    FIGURE_4,
    FIGURE_5,
    FIGURE_6,
    TOKEN_POSITION,
    compute_entropy_calibration,
    compute_grouped_areas,
    compute_stratum_shares,
    grouped_areas_figure,
    tertiles,
)
from .published_tables import other_positions, paper_estimators, published
from .verdicts import UNKNOWN


class PaperBlocks:
    """Builds the blocks in the papers' order."""

    def __init__(
        self,
        data: ReportInput,
        evaluated: Sequence[Evaluation],
        metrics: pd.DataFrame,
        verdicts: pd.DataFrame,
        calibration: pd.DataFrame,
        drawer: Drawer,
        tables: Path,
    ) -> None:
        self.data, self.evaluated, self.metrics = data, evaluated, metrics
        self.verdicts, self.calibration = verdicts, calibration
        self.drawer, self.tables = drawer, tables
        self.stems = file_stems([f"{one.model}_{one.task}" for one in evaluated])
        self.entropies = paper_estimators(quantity="entropy")
        self.files: list[Path] = []

    def blocks(self) -> list[Block]:
        """Everything that the stored results allow."""
        found = [
            self._verdict_block(),
            self._table_1(),
            self._table_2(),
            *self._figure_2(),
            self._figure_3(),
            *(self._areas(name) for name in self.entropies),
            self._figure_6(),
            self._token_position(),
            self._aggregates(),
            self._tertiles(),
        ]
        return [block for block in found if block is not None]

    def _write(self, stem: str, frame: pd.DataFrame, title: str, note: str = "") -> PageTable:
        self.files += write_frame(self.tables, stem, frame, title, note)
        return table_from_frame(frame, title, texts(*map(str, frame.columns)))

    def _verdict_block(self) -> Block:
        columns = (
            *texts("source", "model"),
            Shown("asked", "task", "text"),
            *texts("estimator"),
            Shown("group", "topic", "text"),
            Shown("published", "published"),
            *(*here("roc_auc"), N),
            Shown("published n", "published_n", "count"),
            *verdict("roc_auc"),
        )
        known = self.verdicts["verdict"] != UNKNOWN
        shown = [
            table_from_frame(self.verdicts[known], "Verdicts", columns),
            table_from_frame(self.verdicts[~known], "Not reproducible", columns, folded=True),
        ]
        note = (
            "Reproduced: the published value, widened by its rounding, lies in the 95 % interval "
            "here. A reason is given only where it accounts for the difference: the published "
            "value agrees with 1 - AUC (sign), with the other entropy (token position), with the "
            "value on all rows (row filter), or lies within what samples of both sizes vary (n)."
        )
        return Block("Verdict per published value", note, tables=shown)

    def _table_1(self) -> Block:
        table = published("table_1_topics").rename(columns={"n": "published"})
        for one in self.evaluated:
            own = self.data.scores
            chosen = own["model"].astype(str).eq(one.model) & own["task"].astype(str).eq(one.task)
            counts = own[chosen].drop_duplicates("question_id")["topic"].value_counts()
            name = f"{one.model}, {one.task}"
            table[name] = table["topic"].map(counts).fillna(0).astype(int)
        table = table.astype(str)
        return Block(
            "Table 1: questions by topic", tables=[self._write("table_1", table, "Table 1")]
        )

    def _table_2(self) -> Block | None:
        own = self.metrics[self.metrics["estimator"].isin(self.entropies)]
        own = own.dropna(subset=["roc_auc"])
        if own.empty:
            return None
        printed = self.verdicts.dropna(subset=["stored_model"]).drop_duplicates(
            ["stored_model", "stored_task", "estimator", "topic"]
        )
        keys = ["stored_model", "stored_task", "estimator", "topic"]
        of = printed.set_index(keys)["published"].to_dict()
        names = ["model", "task", "estimator", "topic", "roc_auc", "roc_auc_low", "roc_auc_high"]
        cells: dict[str, dict[str, str]] = {}
        for model, task, estimator, topic, area, low, high in own[names].itertuples(index=False):
            text = f"{marked(area, pd.isna(low))} {interval(low, high)}".strip()
            target = of.get((model, task, estimator, topic))
            text += f" ({target:.3f})" if target is not None else ""
            cells.setdefault(f"{model}: {estimator}", {}).setdefault(str(topic), text)
        order = list(dict.fromkeys(own["topic"]))
        table = pd.DataFrame(cells).reindex(order).fillna("–")
        table = table.rename_axis("group").reset_index()
        note = (
            "ROC AUC with its 95 % interval; in parentheses the published value. "
            f"{FEW_MARK}: {FEW_MEANING}."
        )
        return Block(
            "Table 2: ROC AUC", note, tables=[self._write("table_2", table, "Table 2", note)]
        )

    def _figure_2(self) -> list[Block]:
        blocks = []
        for kind, stratum in ((FIGURE_2A, "requires_reasoning"), (FIGURE_2B, "reasoning_steps")):
            figures: list[PageFigure] = []
            tasks = list(dict.fromkeys(one.task for one in self.evaluated))
            stems = file_stems(tasks)
            for task in tasks:
                shares = compute_stratum_shares(self.data, task, stratum)
                if shares is not None:
                    title = f"{kind.title}: {shares.legend} by topic, {task}"
                    drawn = [shares_figure(shares, title)]
                    figures += self.drawer.add(kind, title, stems[task], drawn)
            if figures:
                blocks.append(Block(kind.title, figures=figures))
        labels = published("reasoning_labels").astype(str)
        table = self._write("reasoning_labels", labels, "Published numbers of the judge's labels")
        return [*blocks, Block("The judge's labels", tables=[table])]

    def _figure_3(self) -> Block:
        figures: list[PageFigure] = []
        for one in self.evaluated:
            histograms = [h for h in compute_histograms(one) if h.estimator in self.entropies]
            title = f"Figures 3 and 7: entropy by correctness, {one.model} on {one.task}"
            stem = self.stems[f"{one.model}_{one.task}"]
            if histograms:
                drawn = histogram_figures(histograms, title)
                figures += self.drawer.add(FIGURE_3, title, stem, drawn)
        return Block("Figures 3 and 7: entropy by correctness", figures=figures)

    def _areas(self, estimator: str) -> Block | None:
        figures: list[PageFigure] = []
        for kind, strata in ((FIGURE_4, False), (FIGURE_5, True)):
            areas = compute_grouped_areas(self.metrics, self.verdicts, estimator, strata)
            if areas is not None:
                what = "reasoning" if strata else "topic"
                title = f"{kind.title}: ROC AUC of {estimator} by {what}"
                drawn = [grouped_areas_figure(areas, title)]
                figures += self.drawer.add(kind, title, file_stems([estimator])[estimator], drawn)
        return Block(f"Figures 4 and 5: {estimator}", figures=figures) if figures else None

    def _figure_6(self) -> Block:
        found = [
            compute_entropy_calibration(one, name)
            for one in self.evaluated
            for name in self.entropies
        ]
        curves = [curve for curve in found if curve is not None]
        title = "Figure 6: calibration of 1 - H / max H"
        drawn = reliability_figures(curves, title) if curves else []
        figures = self.drawer.add(FIGURE_6, title, "", drawn)
        columns = (
            *texts("model", "estimator"),
            Shown("published ECE", "published"),
            *(*here("ece"), N, *verdict("ece")),
        )
        table = table_from_frame(self.calibration, "Published calibration errors", columns)
        note = "ECE over 15 bins of equal width; the paper does not say how many it took."
        return Block("Figure 6: calibration", note, figures, [table])

    def _token_position(self) -> Block | None:
        figures: list[PageFigure] = []
        for one in self.evaluated:
            known = other_positions().items()
            names = next((pair for pair in known if {*pair} <= {*one.estimators}), None)
            if names is None:
                continue
            own = self.metrics["model"].eq(one.model) & self.metrics["task"].eq(one.task)
            pairs = compute_side_by_side(self.metrics[own], self.metrics[own], names)
            title = f"The token matters: {one.model} on {one.task}"
            drawn = [side_by_side_figure(pairs[1:], title)]
            stem = self.stems[f"{one.model}_{one.task}"]
            figures += self.drawer.add(TOKEN_POSITION, title, stem, drawn)
        note = (
            "The same model and questions; only the position that the entropy is read at differs."
        )
        return Block("Token position: a correction", note, figures) if figures else None

    def _aggregates(self) -> Block | None:
        own = self.metrics[self.metrics["estimator"].isin(paper_estimators(reads="cot"))]
        own = own[own["topic"].eq(ALL)].dropna(subset=["roc_auc"])
        if own.empty:
            return None
        ends = [
            f"{marked(area, pd.isna(low))} {interval(low, high)}".strip()
            for area, low, high in zip(
                own["roc_auc"], own["roc_auc_low"], own["roc_auc_high"], strict=True
            )
        ]
        table = own[["model", "task", "estimator", "n"]].astype(str).assign(roc_auc=ends)
        return Block(
            "Aggregates over the chain of thought",
            tables=[self._write("cot_aggregates", table, "Aggregates over the chain of thought")],
        )

    def _tertiles(self) -> Block | None:
        rows = [
            {"model": one.model, "task": one.task, "estimator": name, "third": third, "n": str(n)}
            | {"accuracy": number(accuracy)}
            for one in self.evaluated
            for name in self.entropies
            if name in one.estimators
            for third, n, accuracy in tertiles(one, name)
        ]
        if not rows:
            return None
        title = "Thirds by entropy: easy, medium, hard"
        return Block(title, tables=[self._write("tertiles", pd.DataFrame(rows), title)])
