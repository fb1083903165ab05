"""The files of the site: the board, a page per model and per estimator, cards and tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..figures.drawing import Drawer
from ..frames.atomic_files import write_atomically
from ..frames.blocks import Block, PageFigure, PageTable, Shown, table_from_frame
from ..frames.csv_files import csv_text
from ..frames.figure_kind import FigureKind
from ..frames.formatting import file_stems, interval, number, plain
from ..metrics.leaders import chosen_row, told_apart
from ..page.page import PageSection, render_page
from .board import TEMPLATES, board
from .hub_cards import data_set_card, model_index
from .pareto_plots import ACCURACY, COST, accuracy_figure, cost_figure
from .standing_changes import changes, state_of
from .standings import Standings

STATE = "leaderboard.json"
TITLE = "Does the model know when it is wrong? A leaderboard"
_COLUMNS = (
    Shown("ROC AUC, mean over topics", "roc_auc"),
    Shown("95 % interval", "roc_auc_low", "interval", "roc_auc_high"),
    Shown("pooled", "pooled"),
    Shown("95 % interval", "pooled_low", "interval", "pooled_high"),
    Shown("scored", "n", "count"),
    Shown("share scored", "coverage", "percent"),
    Shown("seconds per question", "seconds"),
)


def build_site(
    standings: Standings, output_path: Path, replicates: int, seed: int
) -> tuple[list[Path], list[str]]:
    """Write the site below ``output_path``.

    Writes index.html, models/*.html, estimators/*.html, cards/*.md, metrics.csv, selection.csv,
    the figures, and leaderboard.json, from which the next build tells what changed.

    Returns the files, and what changed since the earlier build in the same folder, if there is one.
    """
    root = output_path
    before = _earlier(root / STATE)
    now = state_of(standings)
    changed = changes(before, now)
    stems = {
        kind: file_stems(names)
        for kind, names in (("model", standings.models), ("estimator", standings.estimators))
    }
    links = {
        (kind, name): f"{kind}s/{stem}.html"
        for kind, own in stems.items()
        for name, stem in own.items()
    }
    settings = {"rows": "all", "replicates": replicates, "seed": seed}
    drawer = Drawer(root / "figures", ("svg",))
    figures = _figures(standings, drawer)
    files = [
        write_atomically(root / "metrics.csv", csv_text(standings.metrics)),
        write_atomically(root / "selection.csv", csv_text(standings.selection)),
        *drawer.files,
    ]
    for model, stem in stems["model"].items():
        card = model_index(standings, model)
        files.append(write_atomically(root / "cards" / f"{stem}.md", card))
        page = _model_page(standings, model, card, settings)
        files.append(write_atomically(root / links["model", model], page))
    for name in standings.estimators:
        page = _estimator_page(standings, name, settings)
        files.append(write_atomically(root / links["estimator", name], page))
    card = data_set_card(standings, ["metrics.csv", "selection.csv"])
    files.append(write_atomically(root / "README.md", card))
    index = _index(standings, links, figures, changed, settings)
    files.append(write_atomically(root / "index.html", index))
    files.append(write_atomically(root / STATE, json.dumps(now, indent=1)))
    return files, changed


def _earlier(file: Path) -> Mapping[str, Any] | None:
    """Return the state of the earlier build; None if there was none that can be read."""
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(state, dict) and isinstance(state.get("roc_auc"), dict)
    return state if known else None


def _figures(standings: Standings, drawer: Drawer) -> list[Block]:
    """Draw the two plots of every task."""
    blocks = []
    with drawer:
        for task, stem in file_stems(standings.tasks).items():
            drawn: list[PageFigure] = []
            plots: Sequence[tuple[FigureKind, Figure | None]] = (
                (ACCURACY, accuracy_figure(standings, task)),
                (COST, cost_figure(standings, task)),
            )
            for kind, figure in plots:
                if figure is not None:
                    drawn += drawer.add(kind, f"{kind.title}, {plain(task)}", stem, [figure])
            if drawn:
                blocks.append(Block(plain(task), figures=drawn))
    return blocks


def _index(
    standings: Standings,
    links: Mapping[tuple[str, str], str],
    figures: Sequence[Block],
    changed: Sequence[str],
    settings: Mapping[str, Any],
) -> str:
    tables, data = board(standings, links)
    questions = standings.metrics.groupby("task", sort=False, observed=True)["n"].max()
    summary = [
        f"{len(standings.models)} models, {len(standings.tasks)} tasks, "
        f"{len(standings.estimators)} estimators. A score of uncertainty is good if it is higher "
        "where the answer is wrong: the ROC AUC is the probability of that for a wrong and a right "
        "answer. The mean over topics leads; a pooled value also rewards telling topics apart.",
        "Largest number of questions: "
        + ", ".join(f"{plain(task)} {int(n):,}" for task, n in questions.items())
        + ".",
    ]
    sections = []
    if figures:
        sections.append(PageSection("Accuracy, ranking and cost", figures))
    if changed:
        frame = pd.DataFrame({"change": list(changed)})
        table = table_from_frame(frame, "Changes", (Shown("change", "change", "text"),))
        sections.append(PageSection("Since the last build", [Block("Changes", tables=[table])]))
    sections.append(PageSection("Sources", [Block("Results", tables=[_sources(standings)])]))
    return render_page(
        sections,
        (),
        (),
        {
            **settings,
            **{"title": TITLE, "summary": summary, "first": tables, "data": [data]},
            "links": [("metrics.csv", "metrics.csv"), ("README.md", "Card of the data set")],
            "style": (TEMPLATES / "board.css").read_text(encoding="utf-8"),
            "scripts": [(TEMPLATES / "board.js").read_text(encoding="utf-8")],
        },
    )


def _sources(standings: Standings) -> PageTable:
    rows = [
        {"model": model, "task": task, "source": source, "license": license_}
        for (model, task), source in standings.sources.items()
        for license_ in [standings.facts.get(model, {}).get("license")]
    ]
    names = ("model", "task", "source", "license")
    return table_from_frame(
        pd.DataFrame(rows, columns=list(names)),
        "Results and where they come from",
        tuple(Shown(name, name, "text") for name in names),
    )


def _rows(standings: Standings, model: str, task: str) -> pd.DataFrame:
    """Return the mean over topics of each estimator, best first, beside the pooled value."""
    ranked = standings.ranked(model, task)
    pooled = standings.pooled(model, task).set_index("estimator")
    chosen = pooled.loc[ranked["estimator"]]
    return pd.DataFrame(
        {
            **{name: ranked[name].array for name in ("estimator", "roc_auc", "roc_auc_low")},
            "roc_auc_high": ranked["roc_auc_high"].array,
            "pooled": chosen["roc_auc"].array,
            "pooled_low": chosen["roc_auc_low"].array,
            "pooled_high": chosen["roc_auc_high"].array,
            "n": chosen["n"].array,
            "coverage": chosen["coverage"].array,
            "seconds": [standings.cost(model, task, str(name)) for name in ranked["estimator"]],
        }
    ).assign(model=model, task=task)


def _model_page(standings: Standings, model: str, card: str, settings: Mapping[str, Any]) -> str:
    sections = []
    for task in standings.tasks:
        pooled = standings.pooled(model, task)
        if pooled.empty:
            continue
        first = pooled.iloc[0]
        text = (
            f"{plain(model)} on {plain(task)}: {int(pooled['n'].max()):,} questions, accuracy "
            f"{number(float(first['accuracy']))}. {_choice(standings, model, task)}"
        )
        table = table_from_frame(
            _rows(standings, model, task),
            f"Estimators on {plain(task)}",
            (Shown("estimator", "estimator", "text"), *_COLUMNS),
        )
        block = Block("Estimators, by the mean over topics", tables=[table])
        sections.append(PageSection(plain(task), [block], text, (model, task)))
    code = [
        Block("For a model card on the Hugging Face hub", code=card),
    ]
    sections.append(PageSection("Model card", code))
    own = [m for m in standings.manifests if m.get("model_folder") == model]
    known = {**settings, "title": plain(model), "links": [("../index.html", "Leaderboard")]}
    return render_page(sections, own, (), known)


def _choice(standings: Standings, model: str, task: str) -> str:
    """Name the best estimator, corrected for the choice, and how many equal it."""
    row = chosen_row(standings.selection, model, task)
    if row is None:
        return "Too few errors or right answers to choose among its estimators."
    value, ends = number(float(row["roc_auc_corrected"])), interval(row["low"], row["high"])
    others = told_apart(standings.selection, model, task)
    return (
        f"Best pooled ROC AUC: {plain(row['estimator'])}, {value} {ends} after correction for the "
        f"choice; {others} other estimators cannot be told from it."
    )


def _estimator_page(standings: Standings, name: str, settings: Mapping[str, Any]) -> str:
    sections = []
    for task in standings.tasks:
        frames = [
            rows[rows["estimator"] == name]
            for model in standings.models_of(task)
            for rows in [_rows(standings, model, task)]
        ]
        frame = pd.concat(frames).sort_values("roc_auc", ascending=False, kind="stable")
        if frame.empty:
            continue
        table = table_from_frame(
            frame, f"Models on {plain(task)}", (Shown("model", "model", "text"), *_COLUMNS)
        )
        sections.append(PageSection(plain(task), [Block("Models", tables=[table])]))
    trait = standings.trait(name)
    family = f"Evidence: {trait.family}." if trait.family else ""
    summary = [text for text in (trait.summary, family) if text]
    known = {
        **settings,
        **{"title": plain(name), "summary": summary, "links": [("../index.html", "Leaderboard")]},
    }
    return render_page(sections, (), (), known)
