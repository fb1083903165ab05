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
    """The reference paper's tables and figures, the published values, and why they differ."""
    from ...score.report_building import write_paper

    write_paper(results, output_path, replicates, seed)
