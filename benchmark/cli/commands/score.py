"""``apprehend score``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from ...console.completion import COMPLETED
from ...console.errors import ApprehendError
from ...console.options import say, split_names
from ...console.report_options import ResultsFolder


def score(
    results: ResultsFolder,
    estimators: Annotated[
        Optional[str],
        typer.Option(
            help="Comma-separated names, name(parameter=value) or file.py:Class.",
            autocompletion=COMPLETED["estimators"],
        ),
    ] = None,
    committee: Annotated[
        Optional[str],
        typer.Option(
            help="Comma-separated models for `committee_disagreement` (default: all others stored)."
        ),
    ] = None,
) -> None:
    """Recompute scores from stored signals, without a model."""
    from ....estimators.registry import load_estimators, split_specs
    from ....estimators.signals.batch import Signal
    from ...score.estimator_choice import expand_specs
    from ...score.scoring import say_skipped, score_stores
    from ...store.task_store import Results

    specs = expand_specs(None if estimators is None else split_specs(estimators))
    stores = Results(results).stores()
    recorded = {name for store in stores for name in store.variants(Signal.RECORDED_SCORE)}
    load_estimators([spec for spec in specs or [] if spec not in recorded])
    problems: list[str] = []
    for store, scored in score_stores(stores, specs, split_names(committee)):
        say(
            f"{store.path}: {scored.questions} questions, scored: "
            f"{', '.join(scored.estimators) or 'nothing'}"
        )
        say_skipped(scored.skipped)
        say_skipped(scored.empty, "without a score")
        problems += scored.failed.values()
    if problems:
        raise ApprehendError("; ".join(problems))
