"""``apprehend subset``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ....console.number_limits import LARGEST_SEED
from ....console.report_options import ResultsFolders


def subset(
    paths: ResultsFolders,
    size: Annotated[int, typer.Option(min=10, max=1_000_000, help="Number of questions.")] = 600,
    task: Annotated[Optional[str], typer.Option(help="Only this task.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the choice.")] = 0,
    output_path: Annotated[
        Path, typer.Option("--output_path", help="CSV file for the question ids.")
    ] = Path("subset.csv"),
) -> None:
    """Choose the questions that keep the ranking of the stored models."""
    from ....reporting.recommending_stores import write_subset

    write_subset(paths, size, task, seed, output_path)
