"""``apprehend compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...console.number_limits import LARGEST_SEED, MOST_REPLICATES


def compare(
    paths: Annotated[
        list[Path], typer.Argument(help="Results folders, or models' folders within them.")
    ],
    output_path: Annotated[
        Path, typer.Option("--output_path", help="Folder for tables, figures and the page.")
    ] = Path("comparison"),
    paper_filter: Annotated[
        bool, typer.Option("--paper_filter", help="Compare on the paper's rows only.")
    ] = False,
    replicates: Annotated[
        int,
        typer.Option(
            min=100, max=MOST_REPLICATES, help="Bootstrap replicates behind each interval."
        ),
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare models in paired tests on their common questions, and against the models' size."""
    from ...score.report_building import write_comparison

    write_comparison(paths, output_path, paper_filter, replicates, seed)
