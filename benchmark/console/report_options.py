"""Options that several commands on stored results share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .number_limits import LARGEST_SEED, MOST_REPLICATES

ResultsFolder = Annotated[Path, typer.Argument(help="Results folder.")]
ResultsFolders = Annotated[
    list[Path], typer.Argument(help="Results folders, or models' folders inside them.")
]
PageFolder = Annotated[
    Path, typer.Option("--output_path", help="Folder for tables, figures and page.")
]
Replicates = Annotated[
    int,
    typer.Option(min=100, max=MOST_REPLICATES, help="Bootstrap replicates behind each interval."),
]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the bootstrap.")]
