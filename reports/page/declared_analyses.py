"""Blocks and summary of the analyses of all stored models that are declared below `analyses/`."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..analyses.study.benchmark_analysis import benchmark_analyses
from ..analyses.study.study import Study
from ..frames.blocks import Block, table_from_frame


def declared_frames(study: Study) -> dict[str, pd.DataFrame]:
    """Compute all declared analyses: file → frame."""
    return {file: analysis.compute(study) for file, analysis in benchmark_analyses().items()}


def declared_blocks(frames: Mapping[str, pd.DataFrame]) -> list[Block]:
    """Tabulate every declared analysis with rows below what it means and when it means nothing."""
    blocks = []
    for file, analysis in benchmark_analyses().items():
        frame = frames[file]
        shown = frame if analysis.shown is None or frame.empty else analysis.shown(frame)
        if len(shown):
            note = f"{analysis.meaning} {analysis.limits}"
            table = table_from_frame(
                shown.reset_index(drop=True), analysis.title, analysis.columns, file=f"{file}.csv"
            )
            blocks.append(Block(analysis.title, note, tables=[table]))
    return blocks


def declared_summary(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Collect the findings, and name what the empty analyses require."""
    lines, lacking = [], []
    for file, analysis in benchmark_analyses().items():
        frame = frames[file]
        if frame.empty:
            lacking.append(f"{analysis.title} requires {analysis.requires}")
        elif analysis.findings is not None:
            lines += analysis.findings(frame)
    if lacking:
        lines.append(f"Not computed: {'; '.join(lacking)}.")
    return lines
