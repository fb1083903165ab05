"""``apprehend analyse``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def analyse(
    paths: Annotated[
        list[Path], typer.Argument(help="Results folders, or models' folders within them.")
    ],
    output_path: Annotated[
        Path, typer.Option("--output_path", help="Folder for tables, figures and the page.")
    ] = Path("analyses"),
) -> None:
    """Analyze the benchmark itself: difficulty, option order, Rasch, shared causes of errors."""
    from ...score.report_building import write_analyses

    write_analyses(paths, output_path)
