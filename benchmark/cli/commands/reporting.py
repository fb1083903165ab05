"""``apprehend report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...console.errors import UsageError, did_you_mean
from ...console.number_limits import LARGEST_SEED, MOST_REPLICATES


def report(
    results: Annotated[Path, typer.Argument(help="Results folder.")],
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
    replicates: Annotated[
        int,
        typer.Option(
            min=100, max=MOST_REPLICATES, help="Bootstrap replicates behind each interval."
        ),
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the bootstrap.")] = 0,
    formats: Annotated[
        str, typer.Option(help="Comma-separated formats of the figures: png, svg, pdf.")
    ] = "png,svg,pdf",
) -> None:
    """Write metrics.csv, tables, figures and index.html from the scores in a results folder."""
    from ....reports import FORMATS
    from ...score.report_building import write_report

    chosen = [name.strip() for name in formats.split(",")]
    for name in chosen:
        if name not in FORMATS:
            raise UsageError(
                f"--formats: expected some of {', '.join(FORMATS)}, got {name!r}"
                f"{did_you_mean(name, FORMATS)}"
            )

    write_report(results, output_path, paper_filter, replicates, seed, chosen)
