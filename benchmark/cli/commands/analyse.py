"""``apprehend analyse``."""

from __future__ import annotations

from pathlib import Path

from ...console.report_options import PageFolder, ResultsFolders


def analyse(
    paths: ResultsFolders,
    output_path: PageFolder = Path("analyses"),
) -> None:
    """Analyze the benchmark itself: difficulty, option order, Rasch, shared causes of errors."""
    from ...reporting.report_building import write_analyses

    write_analyses(paths, output_path)
