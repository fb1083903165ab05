"""``apprehend paper``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...console.number_limits import LARGEST_SEED, MOST_REPLICATES


def paper(
    results: Annotated[Path, typer.Argument(help="Results folder.")],
    output_path: Annotated[
        Path, typer.Option("--output_path", help="Folder for tables, figures and the page.")
    ] = Path("paper"),
    replicates: Annotated[
        int,
        typer.Option(
            min=100, max=MOST_REPLICATES, help="Bootstrap replicates behind each interval."
        ),
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the bootstrap.")] = 0,
) -> None:
    """Reproduce the reference paper's tables and figures beside the published values."""
    from ...score.report_building import write_paper

    write_paper(results, output_path, replicates, seed)
