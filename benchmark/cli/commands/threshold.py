"""``apprehend threshold``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ...console.number_limits import LARGEST_SEED
from ...console.report_options import ResultsFolder


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
) -> None:
    """Choose a threshold for a target risk on some questions and evaluate it on the others."""
    from dataclasses import asdict

    import pandas as pd
    from rich.table import Table

    from ....reports import choose_threshold, csv_text
    from ...console.options import say, show
    from ...score.report_building import evaluated_with

    thresholds = [
        choose_threshold(evaluation, estimator, target_risk, development, confidence, seed)
        for evaluation in evaluated_with(results, estimator, model, task)
    ]
    table = Table(title=f"keep an answer if {estimator} ≤ threshold", title_justify="left")
    for name in ("model", "task", "threshold", "coverage", "kept", "risk", "95 % interval"):
        table.add_column(name, overflow="fold")
    for chosen in thresholds:
        missing = chosen.threshold != chosen.threshold
        shown = "none reaches it" if missing else f"{chosen.threshold:.6g}"
        ends = f"[{chosen.risk_low:.3f}, {chosen.risk_high:.3f}]" if chosen.n_kept else "–"
        risk = f"{chosen.risk:.3f}" if chosen.n_kept else "–"
        kept = f"{chosen.n_kept} of {chosen.n}"
        coverage = f"{chosen.coverage:.3f}"
        table.add_row(chosen.model, chosen.task, shown, coverage, kept, risk, ends)
    show(table)
    say(
        f"chosen for a risk of at most {target_risk:g} on {development:.0%} of the questions "
        f"(seed {seed}); coverage and risk are measured on the others"
    )
    if output_path is not None:
        from ...store.files import write_text

        write_text(output_path, csv_text(pd.DataFrame([asdict(chosen) for chosen in thresholds])))
