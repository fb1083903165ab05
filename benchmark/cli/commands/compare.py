"""``apprehend compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...console.report_options import PageFolder, Replicates, ResultsFolders, Seed


def compare(
    paths: ResultsFolders,
    output_path: PageFolder = Path("comparison"),
    paper_filter: Annotated[
        bool, typer.Option("--paper_filter", help="Compare on the paper's rows only.")
    ] = False,
    replicates: Replicates = 1000,
    seed: Seed = 0,
) -> None:
    """Compare models in paired tests on their common questions, and against the models' size."""
    from ...reporting.report_building import write_comparison

    write_comparison(paths, output_path, paper_filter, replicates, seed)
