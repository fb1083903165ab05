"""``apprehend recommend``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ....console.report_options import ResultsFolder, Seed


def recommend(
    results: ResultsFolder,
    budget: Annotated[
        str,
        typer.Option(
            help="Dearest estimators to consider: c (one forward pass), m (one more pass or a long "
            "generation), x (many passes)."
        ),
    ] = "x",
    topics: Annotated[
        Optional[str], typer.Option(help="Only these topics, separated by commas.")
    ] = None,
    target_risk: Annotated[
        float,
        typer.Option("--target_risk", min=0.001, max=0.999, help="Error rate of the threshold."),
    ] = 0.05,
    half_width: Annotated[
        float,
        typer.Option(
            "--half_width",
            min=0.001,
            max=0.4,
            help="Half of the interval wanted per topic.",
        ),
    ] = 0.05,
    together: Annotated[
        str,
        typer.Option(
            help="Scores to stack: how many to choose within the budget, or their names, separated "
            "by commas; 0 for none."
        ),
    ] = "2",
    model: Annotated[Optional[str], typer.Option(help="Only this model.")] = None,
    task: Annotated[Optional[str], typer.Option(help="Only this task.")] = None,
    seed: Seed = 0,
    output_path: Annotated[
        Optional[Path], typer.Option("--output_path", help="Text file for the recommendation.")
    ] = None,
) -> None:
    """Recommend an estimator within a cost budget, in sentences with intervals."""
    from ....reporting.recommending_stores import write_recommendation

    names = None if topics is None else [name.strip() for name in topics.split(",")]
    write_recommendation(
        results,
        budget,
        names,
        (target_risk, half_width),
        (model, task),
        seed,
        output_path,
        together,
    )
