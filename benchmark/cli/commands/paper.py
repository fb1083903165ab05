"""``apprehend paper``."""

from __future__ import annotations

from pathlib import Path

from ...console.report_options import PageFolder, Replicates, ResultsFolder, Seed


def paper(
    results: ResultsFolder,
    output_path: PageFolder = Path("paper"),
    replicates: Replicates = 1000,
    seed: Seed = 0,
) -> None:
    """Reproduce the reference paper's tables and figures beside the published values."""
    from ...reporting.report_building import write_paper

    write_paper(results, output_path, replicates, seed)
