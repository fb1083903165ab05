"""A results folder as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from .benchmark.console.errors import ApprehendError
from .benchmark.reporting.report_inputs import report_input
from .benchmark.store.task_store import Results as Folder
from .estimators import Estimator
from .notebook import leaderboard_html, ranking
from .reports import ReportInput, Rows, compute_metrics

By = Literal["topic", "all", "macro", "stratum"]
BY: tuple[By, ...] = ("topic", "all", "macro", "stratum")


class Results:
    """Stored results of one or several models.

    The stores are read once, at first use; `open` the folder again to see later runs.

    Args:
        path: Results folder, as written by `run`, ``apprehend run`` or ``apprehend import``.

    Raises:
        ApprehendError: The folder has no results.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        Folder(self.path).stores()

    @cached_property
    def data(self) -> ReportInput:
        """The frames that reports are made of; missing scores are computed and stored."""
        return report_input(Folder(self.path))

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return [str(name) for name in self.data.scores["model"].unique()]

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return [str(name) for name in self.data.scores["task"].unique()]

    @property
    def estimators(self) -> list[str]:
        """Names of the estimators with stored scores."""
        return [str(name) for name in self.data.scores["estimator"].unique()]

    def scores(self, estimators: Sequence[str | Estimator | type[Estimator]] = ()) -> pd.DataFrame:
        """Return the uncertainty scores.

        Args:
            estimators: Estimators to compute on the stored signals instead of the stored scores:
                specifications, classes, instances, or functions decorated with `estimator`.
                Their scores are not stored.

        Returns:
            One row per model, task, question and estimator: topic, score (higher = more uncertain,
            NaN = none), answer (option letter or null), correct, status ("parsed", "unparsed",
            "dont_know"), and reason (why the score is missing).

        Raises:
            ApprehendError: An estimator needs a signal that no store has.
            EstimatorError: An estimator is unknown, or failed.
        """
        if not estimators:
            return self.data.scores.copy()
        from .store_scores import scores_of

        return scores_of(Folder(self.path).stores(), estimators)

    def questions(self) -> pd.DataFrame:
        """Return one row per task and question: topic, question, options, gold letter."""
        return self.data.questions.copy()

    def metrics(
        self,
        by: By | None = None,
        *,
        rows: Rows = "all",
        replicates: int = 1000,
        seed: int = 0,
        metrics: Sequence[Any] = (),
    ) -> pd.DataFrame:
        """Compute every metric of every estimator, as in ``metrics.csv``.

        Args:
            by: Groups of questions: "topic", "all" (pooled), "macro" (mean over the topics),
                "stratum"; None for all of these.
            rows: Convention of the rows, "all" or "paper"; see `apprehend.reports.evaluations`.
            replicates: Number of bootstrap resamples.
            seed: Seed of the resamples.
            metrics: Additional metrics, functions decorated with `apprehend.reports.metric`.

        Returns:
            One row per model, task, estimator and group, with the columns of ``metrics.csv``; the
            column ``topic`` names the group.

        Raises:
            ValueError: ``by`` is unknown.
        """
        if by is not None and by not in BY:
            raise ValueError(f"Expected by to be one of {', '.join(BY)} or None, got {by!r}.")
        if (rows, replicates, seed, len(metrics)) == ("all", 1000, 0, 0):
            frame = self._usual_metrics.copy()
        else:
            frame = compute_metrics(self.data, rows, replicates, seed, metrics=metrics)
        if by is None:
            return frame
        topic = frame["topic"].astype(str)
        stratum = topic.str.contains("=") & ~topic.str.startswith("topic=")
        average = topic.isin(["all", "macro"])
        chosen = {"stratum": stratum, "topic": ~stratum & ~average}.get(by, topic.eq(by))
        return frame[chosen].reset_index(drop=True)

    @cached_property
    def _usual_metrics(self) -> pd.DataFrame:
        """The metrics with default arguments, which plots and the leaderboard share."""
        return compute_metrics(self.data)

    def report(self, output_path: str | Path | None = None, **options: Any) -> Path:
        """Write the report.

        Args:
            output_path: Its folder; None for ``report`` below the results.
            options: Other arguments of `apprehend.reports.build_report`, e.g. ``replicates``.

        Returns:
            Path of the page, ``index.html``.
        """
        from .reports import build_report

        folder = self.path / "report" if output_path is None else Path(output_path)
        build_report(self.data, folder, **options)
        return folder / "index.html"

    def __repr__(self) -> str:
        return (
            f"Results({str(self.path)!r}: {len(self.models)} models, {len(self.tasks)} tasks, "
            f"{len(self.estimators)} estimators)"
        )

    @cached_property
    def leaderboard(self) -> pd.DataFrame:
        """Estimators by mean ROC AUC over the topics, best first, per model and task."""
        return ranking(self.metrics())

    def _repr_html_(self) -> str:
        return leaderboard_html(self.leaderboard, repr(self))


def open_results(path: str | Path) -> Results:
    """Open a results folder.

    Args:
        path: Results folder, as written by `run`, ``apprehend run`` or ``apprehend import``.

    Returns:
        Its results.

    Raises:
        ApprehendError: The folder has no results.
    """
    return Results(path)


__all__ = ["ApprehendError", "Results", "open_results"]
