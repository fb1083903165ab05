"""``apprehend report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ...console.errors import ApprehendError, UsageError, did_you_mean
from ...console.report_options import Replicates, ResultsFolder, Seed


def report(
    results: ResultsFolder,
    output_path: Annotated[
        Path, typer.Option("--output_path", help="Folder for the report.")
    ] = Path("report"),
    paper_filter: Annotated[
        bool,
        typer.Option(
            "--paper_filter",
            help="Only the paper's rows: parsed answers, judgments rated 9 or more where rated.",
        ),
    ] = False,
    replicates: Replicates = 1000,
    seed: Seed = 0,
    formats: Annotated[
        str, typer.Option(help="Comma-separated formats of the figures: png, svg, pdf.")
    ] = "png,svg,pdf",
    metrics: Annotated[
        Optional[str],
        typer.Option(help="Comma-separated metrics of your own: file.py:function."),
    ] = None,
    embed: Annotated[
        bool,
        typer.Option(
            "--embed", help="Put all questions into index.html, whatever their size, not beside it."
        ),
    ] = False,
    no_explorer: Annotated[
        bool, typer.Option("--no_explorer", help="Leave single questions out of the page.")
    ] = False,
) -> None:
    """Write metrics.csv, tables, figures and index.html from the scores in a results folder."""
    from ....estimators.registry import split_specs
    from ....reports import FORMATS
    from ...reporting.exploring.explorer_part import Explorer
    from ...reporting.report_inputs import write_report

    chosen = [name.strip() for name in formats.split(",")]
    for name in chosen:
        if name not in FORMATS:
            raise UsageError(
                f"--formats: expected some of {', '.join(FORMATS)}, got {name!r}"
                f"{did_you_mean(name, FORMATS)}"
            )

    if embed and no_explorer:
        raise UsageError("--embed and --no_explorer exclude each other")
    more = [] if metrics is None else split_specs(metrics)
    explorer: Explorer = "embedded" if embed else "none" if no_explorer else "by size"
    failures = write_report(
        results, output_path, paper_filter, replicates, seed, chosen, more, explorer
    )
    if failures:
        raise ApprehendError("; ".join(failures))
