"""Sections of the page on several models or tasks: comparisons, judges, costs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from ..analyses.together import Analyses
from ..figures.drawing import Drawer
from ..figures.judge_labels import JUDGE_LABELS, compute_label_shares, shares_figure
from ..figures.strata import TASKS_SIDE_BY_SIDE, compute_side_by_side, side_by_side_figure
from ..frames.blocks import Block, PageFigure, Shown, table_from_frame
from ..frames.formatting import file_stems, plain
from ..frames.limits import drawn_note, largest, tested_note
from ..metrics.leaders import best_estimator
from .columns import DIFFERENCE, INTERVAL, TESTED, VALUES, N, pair, texts
from .metric_tables import pairs_table
from .page import PageSection


def overview_sections(analyses: Analyses, drawer: Drawer) -> Iterator[PageSection]:
    """Yield the non-empty sections: tasks side by side, models, judges, costs."""
    sections = (
        PageSection("Direct answers and chains of thought", list(_tasks(analyses, drawer))),
        PageSection("Comparison of models", list(_models(analyses))),
        PageSection("Judges", list(_judges(analyses, drawer))),
        PageSection("Costs", list(_costs(analyses))),
    )
    yield from (section for section in sections if section.blocks)


def _tasks(analyses: Analyses, drawer: Drawer) -> Iterator[Block]:
    """Compare the tasks of each model that have common questions."""
    models = dict.fromkeys(evaluation.model for evaluation in analyses.evaluated)
    stems = file_stems(models)
    own = analyses.comparisons[analyses.comparisons["family"] == "tasks"]
    for model in models:
        evaluated = [evaluation for evaluation in analyses.evaluated if evaluation.model == model]
        figures: list[PageFigure] = []
        for a, b in combinations(largest(evaluated, lambda evaluation: evaluation.errors.size), 2):
            metrics = (analyses.of("metrics", a), analyses.of("metrics", b))
            best = tuple(best_estimator(frame) for frame in metrics)
            shared = set(a.question_ids) & set(b.question_ids)
            if best[0] is None or best[1] is None or not shared:
                continue
            pairs = compute_side_by_side(*metrics, (best[0], best[1]))
            title = f"{TASKS_SIDE_BY_SIDE.title}: {model}"
            figure = side_by_side_figure(pairs, title)
            topics = drawn_note(len(set(a.topics) & set(b.topics)))
            figures += drawer.add(TASKS_SIDE_BY_SIDE, title, stems[model], [figure], topics)
        tests = own[own["model_a"] == model]
        if figures or len(tests):
            note = (
                "Tests on the common questions of both tasks: pooled ROC AUC of the estimator of "
                "each task with the highest one, and accuracies (McNemar)."
            )
            left = tested_note(len(evaluated), "tasks")
            shown = [pairs_table(tests, "task", "Tasks compared", left)] if len(tests) else []
            yield Block(plain(model), note, figures, shown)


def _models(analyses: Analyses) -> Iterator[Block]:
    own = analyses.comparisons[analyses.comparisons["family"] == "models"]
    for task, part in own.groupby("task_a", sort=False):
        columns = (
            *pair("model"),
            *texts("quantity"),
            Shown("estimator", "estimator_a", "text"),
            *(N, *VALUES, DIFFERENCE, INTERVAL, *TESTED),
        )
        left = tested_note(
            sum(evaluation.task == task for evaluation in analyses.evaluated), "models"
        )
        note = "Paired tests on the common questions of both models."
        folded = len(part) > 30
        title = f"Models on {plain(task)}"
        table = table_from_frame(part, title, columns, folded, "comparisons.csv", left)
        note = " ".join(filter(None, (note, left)))
        yield Block(f"On {plain(task)}", note, tables=[table])


def _judges(analyses: Analyses, drawer: Drawer) -> Iterator[Block]:
    for task, part in analyses.judges.groupby("task", sort=False):
        columns = (
            *texts("questionnaire", "judge"),
            Shown("replies", "n", "count"),
            Shown("unparsed", "unread", "count"),
            Shown("distinct values", "values", "count"),
            Shown("share of the most frequent", "top_share", "percent"),
            Shown("mean", "mean"),
            Shown("rated", "rated", "count"),
            Shown("mean rating", "rating_mean", "short"),
            Shown("rated 10", "rating_top_share", "percent"),
            Shown("rated 9 or more", "rating_kept", "percent"),
        )
        shown = [table_from_frame(part, f"Judges on {plain(task)}", columns, file="judges.csv")]
        agreement = _of_task(analyses.judge_agreement, str(task))
        if len(agreement):
            pairs = (
                *(*texts("questionnaire"), *pair("judge"), N),
                Shown("same value", "agreement", "percent"),
                Shown("κ", "kappa"),
                Shown("weighted κ", "weighted_kappa"),
                Shown("rank correlation", "spearman", "signed"),
            )
            file = "judge_agreement.csv"
            shown.append(table_from_frame(agreement, "Agreement between judges", pairs, file=file))
        figures: list[PageFigure] = []
        stem = file_stems([str(task)])[str(task)]
        for shares in compute_label_shares(_of_task(analyses.judge_labels, str(task))):
            title = f"{JUDGE_LABELS.title}: {shares.legend} on {task}"
            figures += drawer.add(JUDGE_LABELS, title, stem, [shares_figure(shares, title)])
        note = (
            "A judge whose ratings are mostly near 10, or that gives most questions the same "
            "value, does not discriminate between questions."
        )
        yield Block(f"On {plain(task)}", note, figures, shown, folded=True)


def _of_task(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    return frame[frame["task"].astype(str) == task]


def _costs(analyses: Analyses) -> Iterator[Block]:
    costs = analyses.costs
    for kind, title in (("signal", "Signals"), ("estimator", "Estimators")):
        own = costs[costs["kind"] == kind]
        if own.empty:
            continue
        per = own["seconds"].astype(float) / own["questions"].astype(float)
        columns = [
            *texts("model", "task"),
            Shown(kind, "item", "text"),
            Shown("questions", "questions", "count"),
            Shown("seconds", "seconds", "plain3"),
            Shown("seconds per question", "per_question", "plain3"),
            Shown("tokens", "tokens", "count"),
        ]
        if kind == "estimator":
            columns += texts("needs")
        note = (
            "Cost of collecting each signal, from the manifests."
            if kind == "signal"
            else "The cost of an estimator is that of the signals it needs; estimators that share "
            "a signal share its cost."
        )
        table = table_from_frame(own.assign(per_question=per), title, columns, file="costs.csv")
        yield Block(title, note, tables=[table], folded=True)
