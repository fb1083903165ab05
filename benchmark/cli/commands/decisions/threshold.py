"""``apprehend threshold``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ....console.number_limits import LARGEST_SEED
from ....console.report_options import ResultsFolder


def threshold(
    results: ResultsFolder,
    estimator: Annotated[str, typer.Option(help="Estimator whose score decides.")],
    target_risk: Annotated[
        float,
        typer.Option(
            "--target_risk", min=0, max=1, help="Highest error rate among the answers kept."
        ),
    ] = 0.05,
    confidence: Annotated[
        Optional[float],
        typer.Option(
            min=0.5,
            max=0.9999,
            help="Bound the risk at this confidence level, e.g. 0.95; without it, thresholds that "
            "keep fewer than 30 answers, or fewer than 1 / target risk, are not considered.",
        ),
    ] = None,
    cost: Annotated[
        Optional[str],
        typer.Option(
            help="Choose by cost instead of risk, e.g. wrong=10,abstain=1,escalate=3 (of a wrong "
            "answer, of none, of passing the question on)."
        ),
    ] = None,
    escalate_to: Annotated[
        Optional[str],
        typer.Option(
            "--escalate_to",
            help="Stored model that questions are passed on to; its errors cost too. Without it, "
            "questions passed on are answered right.",
        ),
    ] = None,
    by_topic: Annotated[
        Optional[str],
        typer.Option(
            "--by_topic",
            help="Choose a threshold per topic with a guarantee: ltt (error rate of the answers "
            "kept, with probability --confidence) or crc (expected share of questions answered and "
            "wrong).",
        ),
    ] = None,
    development: Annotated[
        float,
        typer.Option(min=0.05, max=0.95, help="Share of the questions on which to choose it."),
    ] = 0.5,
    model: Annotated[Optional[str], typer.Option(help="Only this model.")] = None,
    task: Annotated[Optional[str], typer.Option(help="Only this task.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the split.")] = 0,
    output_path: Annotated[
        Optional[Path], typer.Option("--output_path", help="CSV file for the result.")
    ] = None,
    export: Annotated[
        Optional[Path],
        typer.Option(help="JSON file for the rule, which `apprehend apply` applies."),
    ] = None,
) -> None:
    """Choose a threshold for a risk or a cost on some questions and evaluate it on the others."""
    from ....reporting.deciding import Wanted, decide

    wanted = Wanted(
        estimator=estimator,
        target_risk=target_risk,
        confidence=confidence,
        cost=cost,
        escalate_to=escalate_to,
        by_topic=by_topic,
        development=development,
        seed=seed,
    )
    decide(results, wanted, model, task, output_path, export)
