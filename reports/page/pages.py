"""Writing of the page, split into one page per section if it would be too large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..frames.atomic_files import write_atomically
from ..frames.blocks import Block, Shown, table_from_frame
from ..frames.formatting import file_stems
from ..frames.limits import PAGE, ROWS, SUMMARIES
from ..metrics.evaluation import ALL
from ..metrics.leaders import chosen_row, leader_of, own_rows, told_apart
from .page import PageSection, render_page

FOLDER = "sections"
_BEST_COLUMNS = (
    *("model", "task", "n", "n_errors", "estimator", "by", "mean", "mean_low", "mean_high"),
    *("pooled", "pooled_low", "pooled_high", "corrected", "chosen_low", "chosen_high"),
    *("not_told", "disagree"),
)
_CELL = 90
"""Approximate size of the markup of a table cell, in bytes."""


def block_size(block: Block) -> int:
    """Estimate the size of a block in the page, in bytes."""
    cells = [cell for table in block.tables for row in table.rows for cell in row]
    own = len(block.code) + sum(len(figure.svg) + len(figure.table) for figure in block.figures)
    return own + sum(_CELL + len(cell.text) + sum(map(len, cell.small)) for cell in cells)


def section_size(section: PageSection) -> int:
    """Estimate the size of a section in the page, in bytes."""
    return len(section.content) + sum(map(block_size, section.blocks))


def write_pages(
    root: Path,
    sections: Sequence[PageSection],
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    manifests: Sequence[Mapping[str, Any]],
    estimators: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> list[Path]:
    """Write index.html with all sections.

    `tables` are the metrics and the choices of the best estimators (`compute_selection` and
    `compute_selection_by_mean`).
    If their total size exceeds `PAGE`, each section becomes a page below sections/, and index.html
    contains their cards, a table of the leading estimators, and links.
    """
    if sum(map(section_size, sections)) <= PAGE:
        cards = [(section.card, f"#s{n}") for n, section in enumerate(sections, 1) if section.card]
        html = render_page(sections, manifests, estimators, {**settings, "cards": cards})
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
        known |= {"root": "../", "lead": None, "additions": ()}  # these are on the main page alone
        files.append(write_atomically(root / name, render_page([part], own, estimators, known)))
        links.append((name, part.title))
    described = {part.of for part in parts}
    rest = [manifest for manifest in manifests if _run(manifest) not in described]
    html = render_page(*_index(sections, tables, links, rest, estimators, settings))
    return [*files, write_atomically(root / "index.html", html)]


def _run(manifest: Mapping[str, Any]) -> tuple[Any, Any]:
    return manifest.get("model_folder"), manifest.get("task_folder")


def _parts(sections: Sequence[PageSection]) -> Iterator[PageSection]:
    """Split sections into parts no larger than `PAGE`, as far as their blocks allow.

    Card, summary, own markup and manifest are those of the first part.
    """
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
            if number == 1:
                yield replace(section, blocks=blocks)
            else:
                title = f"{section.title} (part {number})"
                yield PageSection(title, blocks)


def _index(
    sections: Sequence[PageSection],
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    links: Sequence[tuple[str, str]],
    manifests: Sequence[Mapping[str, Any]],
    estimators: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> tuple[Any, ...]:
    """Return the arguments of `render_page` for the main page, with bounded lists."""
    addresses = {title: name for name, title in links}
    cards = [(section.card, addresses[section.title]) for section in sections if section.card]
    left = len(cards) - SUMMARIES
    note = (
        f"With all {len(sections):,} sections this page would be too large, so each section is a "
        f"page of its own in the folder {FOLDER}"
    )
    note += f"; the first {ROWS} are linked above." if len(links) > ROWS else ", linked above."
    table = table_from_frame(
        _best(*tables),
        "Leading estimator of each model and task",
        (
            Shown("model", "model", "text"),
            Shown("task", "task", "text"),
            Shown("questions", "n", "count"),
            Shown("errors", "n_errors", "count"),
            Shown("leading estimator", "estimator", "text"),
            Shown("leads by", "by", "text"),
            Shown("its mean over topics", "mean", "area", "mean_low"),
            Shown("95 % interval", "mean_low", "interval", "mean_high"),
            Shown("pooled", "pooled", "area", "pooled_low"),
            Shown("95 % interval", "pooled_low", "interval", "pooled_high"),
            Shown("corrected for the choice", "corrected"),
            Shown("95 % interval", "chosen_low", "interval", "chosen_high"),
            Shown("not told from it", "not_told", "count"),
            Shown("pooled and mean disagree", "disagree", "yes"),
        ),
        file="metrics.csv",
    )
    main = PageSection("All models and tasks", [Block("Leading estimators", note, tables=[table])])
    known = {**settings, "cards": cards[:SUMMARIES], "links": links[:ROWS]}
    if left > 0:
        known["cards_note"] = f"{left:,} more models and tasks are on the linked pages."
    return [main], manifests[:SUMMARIES], estimators, known


def _best(metrics: pd.DataFrame, selection: pd.DataFrame, by_mean: pd.DataFrame) -> pd.DataFrame:
    """Describe the leading estimator of each model and task: both values, and the choice.

    With the value corrected for the choice, where known, and the number of estimators that cannot
    be told from it.
    """
    rows: list[dict[str, Any]] = []
    for (first, second), part in metrics.groupby(["model", "task"], sort=False):
        model, task = str(first), str(second)
        leader = leader_of(part, own_rows(by_mean, model, task))
        if leader is None:
            continue
        choice = by_mean if leader.by_mean else selection
        chosen, ends, apart = chosen_row(choice, model, task), [float("nan")] * 3, float("nan")
        if chosen is not None and str(chosen["estimator"]) == leader.estimator:
            ends = [float(chosen[name]) for name in ("roc_auc_corrected", "low", "high")]
            apart = float(told_apart(choice, model, task))
        pooled = part[(part["topic"] == ALL) & (part["estimator"] == leader.estimator)].iloc[0]
        rows.append(
            {
                **{"model": model, "task": task, "n": pooled["n"], "n_errors": pooled["n_errors"]},
                **{"estimator": leader.estimator, "by": "topics" if leader.by_mean else "pooled"},
                **{"mean": leader.mean.area, "mean_low": leader.mean.low},
                **{"mean_high": leader.mean.high, "pooled": leader.pooled.area},
                **{"pooled_low": leader.pooled.low, "pooled_high": leader.pooled.high},
                **{"corrected": ends[0], "chosen_low": ends[1], "chosen_high": ends[2]},
                **{"not_told": apart, "disagree": bool(leader.warning)},
            }
        )
    return pd.DataFrame(rows, columns=list(_BEST_COLUMNS))
