"""Writing of the page, split into one page per section if it would be too large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..frames.atomic_files import write_atomically
from ..frames.blocks import Block, Shown, table_from_frame
from ..frames.formatting import file_stems
from ..frames.limits import PAGE, ROWS, SUMMARIES
from ..metrics.evaluation import ALL
from ..metrics.summary import best_estimator, chosen_row, told_apart
from .page import PageSection, render_page

FOLDER = "sections"
_CELL = 90
"""Approximate size of the markup of a table cell, in bytes."""


def block_size(block: Block) -> int:
    """Estimate the size of a block in the page, in bytes."""
    cells = [cell for table in block.tables for row in table.rows for cell in row]
    own = len(block.code) + sum(len(figure.svg) for figure in block.figures)
    return own + sum(_CELL + len(cell.text) + sum(map(len, cell.small)) for cell in cells)


def write_pages(
    root: Path,
    sections: Sequence[PageSection],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    manifests: Sequence[Mapping[str, Any]],
    estimators: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> list[Path]:
    """Write index.html with all sections.

    `tables` are the metrics and the choice of the best estimators (`compute_selection`).
    If their total size exceeds `PAGE`, each section becomes a page below sections/, and index.html
    contains their summaries, a table of the best estimators, and links.
    """
    if sum(block_size(block) for section in sections for block in section.blocks) <= PAGE:
        html = render_page(sections, manifests, estimators, settings)
        return [write_atomically(root / "index.html", html)]
    parts = list(_parts(sections))
    names = [f"{number} {part.title}" for number, part in enumerate(parts, 1)]
    stems = file_stems(names)
    files, links = [], []
    for part, numbered in zip(parts, names, strict=True):
        name = f"{FOLDER}/{stems[numbered]}.html"
        own = [
            manifest for manifest in manifests if part.of is not None and _run(manifest) == part.of
        ]
        known = {**settings, "title": part.title, "links": [("../index.html", "Overview")]}
        known["additions"] = ()  # on the main page alone
        files.append(write_atomically(root / name, render_page([part], own, estimators, known)))
        links.append((name, part.title))
    described = {part.of for part in parts}
    rest = [manifest for manifest in manifests if _run(manifest) not in described]
    html = render_page(*_index(sections, tables, links, rest, estimators, settings))
    return [*files, write_atomically(root / "index.html", html)]


def _run(manifest: Mapping[str, Any]) -> tuple[Any, Any]:
    return manifest.get("model_folder"), manifest.get("task_folder")


def _parts(sections: Sequence[PageSection]) -> Iterator[PageSection]:
    """Split sections into parts no larger than `PAGE`, as far as their blocks allow."""
    for section in sections:
        parts: list[list[Block]] = [[]]
        size = 0
        for block in section.blocks:
            own = block_size(block)
            if parts[-1] and size + own > PAGE:
                parts.append([])
                size = 0
            parts[-1].append(block)
            size += own
        for number, blocks in enumerate(parts, 1):
            title = section.title if number == 1 else f"{section.title} (part {number})"
            summary = section.summary if number == 1 else ""
            yield PageSection(title, blocks, summary, section.of)


def _index(
    sections: Sequence[PageSection],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    links: Sequence[tuple[str, str]],
    manifests: Sequence[Mapping[str, Any]],
    estimators: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> tuple[Any, ...]:
    """Return the arguments of `render_page` for the main page, with bounded lists."""
    texts = [section.summary for section in sections if section.summary]
    summary = texts[:SUMMARIES]
    if len(texts) > SUMMARIES:
        summary.append(f"{len(texts) - SUMMARIES:,} more summaries are on the linked pages.")
    note = (
        f"With all {len(sections):,} sections this page would be too large, so each section is a "
        f"page of its own in the folder {FOLDER}"
    )
    note += f"; the first {ROWS} are linked above." if len(links) > ROWS else ", linked above."
    table = table_from_frame(
        _best(*tables),
        "Best estimator of each model and task",
        (
            Shown("model", "model", "text"),
            Shown("task", "task", "text"),
            Shown("questions", "n", "count"),
            Shown("errors", "n_errors", "count"),
            Shown("best estimator", "estimator", "text"),
            Shown("its ROC AUC", "roc_auc"),
            Shown("95 % interval", "roc_auc_low", "interval", "roc_auc_high"),
            Shown("corrected for the choice", "roc_auc_corrected"),
            Shown("95 % interval", "chosen_low", "interval", "chosen_high"),
            Shown("not told from it", "not_told", "count"),
        ),
        file="metrics.csv",
    )
    main = PageSection("All models and tasks", [Block("Best estimators", note, tables=[table])])
    known = {**settings, "summary": summary, "links": links[:ROWS]}
    return [main], manifests[:SUMMARIES], estimators, known


def _best(metrics: pd.DataFrame, selection: pd.DataFrame) -> pd.DataFrame:
    """Select the pooled row of the best estimator of each model and task.

    With its value corrected for the choice, where known, and the number of estimators that cannot
    be told from it.
    """
    rows = []
    for (model, task), part in metrics.groupby(["model", "task"], sort=False):
        best = best_estimator(part)
        if best is not None:
            row = part[(part["topic"] == ALL) & (part["estimator"] == best)]
            chosen = chosen_row(selection, str(model), str(task))
            ends, apart = [float("nan")] * 3, float("nan")
            if chosen is not None and str(chosen["estimator"]) == best:
                ends = [float(chosen[name]) for name in ("roc_auc_corrected", "low", "high")]
                apart = float(told_apart(selection, str(model), str(task)))
            value, low, high = ends
            row = row.assign(roc_auc_corrected=value, chosen_low=low, chosen_high=high)
            rows.append(row.assign(not_told=apart))
    if not rows:
        more = ("roc_auc_corrected", "chosen_low", "chosen_high", "not_told")
        return metrics.head(0).assign(**{name: [] for name in more})
    return pd.concat(rows, ignore_index=True)
