"""The page, and pages beside it for its sections where it would be too large to open."""

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
from ..metrics.summary import best_estimator
from .page import PageSection, render_page

FOLDER = "sections"
_CELL = 90
"""Bytes of a table's cell in the page, roughly, beside its text."""


def block_size(block: Block) -> int:
    """Bytes that a block takes in the page, roughly."""
    cells = [cell for table in block.tables for row in table.rows for cell in row]
    figures = sum(len(figure.svg) for figure in block.figures)
    return figures + sum(_CELL + len(cell.text) + sum(map(len, cell.small)) for cell in cells)


def write_pages(
    root: Path,
    sections: Sequence[PageSection],
    metrics: pd.DataFrame,
    manifests: Sequence[Mapping[str, Any]],
    estimators: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> list[Path]:
    """Write index.html with all sections, or, where these are larger than `PAGE` together, each
    below sections/ and index.html with their summaries, one table of all, and links."""
    if sum(block_size(block) for one in sections for block in one.blocks) <= PAGE:
        html = render_page(sections, manifests, estimators, settings)
        return [write_atomically(root / "index.html", html)]
    parts = list(_parts(sections))
    names = [f"{number} {part.title}" for number, part in enumerate(parts, 1)]
    stems = file_stems(names)
    files, links = [], []
    for part, numbered in zip(parts, names, strict=True):
        name = f"{FOLDER}/{stems[numbered]}.html"
        own = [one for one in manifests if part.of is not None and _run(one) == part.of]
        known = {**settings, "title": part.title, "links": [("../index.html", "Overview")]}
        files.append(write_atomically(root / name, render_page([part], own, estimators, known)))
        links.append((name, part.title))
    described = {part.of for part in parts}
    rest = [one for one in manifests if _run(one) not in described]
    html = render_page(*_index(sections, metrics, links, rest, estimators, settings))
    return [*files, write_atomically(root / "index.html", html)]


def _run(manifest: Mapping[str, Any]) -> tuple[Any, Any]:
    return manifest.get("model_folder"), manifest.get("task_folder")


def _parts(sections: Sequence[PageSection]) -> Iterator[PageSection]:
    """The sections, in parts no larger than `PAGE` as far as their blocks allow."""
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
    metrics: pd.DataFrame,
    links: Sequence[tuple[str, str]],
    manifests: Sequence[Mapping[str, Any]],
    estimators: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> tuple[Any, ...]:
    """What `render_page` is given for the main page: no more than the first of very many."""
    texts = [one.summary for one in sections if one.summary]
    summary = texts[:SUMMARIES]
    if len(texts) > SUMMARIES:
        summary.append(f"{len(texts) - SUMMARIES:,} more summaries are on the pages beside this.")
    note = (
        f"This page would be too large with all {len(sections):,} sections in it, so each has a "
        f"page of its own in the folder {FOLDER} beside it"
    )
    note += f"; the first {ROWS} are linked above." if len(links) > ROWS else ", linked above."
    table = table_from_frame(
        _best(metrics),
        "Best estimator of each model and task",
        (
            Shown("model", "model", "text"),
            Shown("task", "task", "text"),
            Shown("questions", "n", "count"),
            Shown("errors", "n_errors", "count"),
            Shown("best estimator", "estimator", "text"),
            Shown("its ROC AUC", "roc_auc"),
            Shown("95 % interval", "roc_auc_low", "interval", "roc_auc_high"),
        ),
        file="metrics.csv",
    )
    main = PageSection("All models and tasks", [Block("Best estimators", note, tables=[table])])
    known = {**settings, "summary": summary, "links": links[:ROWS]}
    return [main], manifests[:SUMMARIES], estimators, known


def _best(metrics: pd.DataFrame) -> pd.DataFrame:
    """The pooled row of the best estimator of each model and task that has one."""
    rows = []
    for _, part in metrics.groupby(["model", "task"], sort=False):
        best = best_estimator(part)
        if best is not None:
            rows.append(part[(part["topic"] == ALL) & (part["estimator"] == best)])
    return pd.concat(rows, ignore_index=True) if rows else metrics.head(0)
