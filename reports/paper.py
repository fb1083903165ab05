"""`apprehend paper`: the reference paper's tables and figures from stored results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from .drawing import Drawer
from .evaluation import evaluations
from .formatting import number
from .inputs import ReportInput
from .metrics import compute_metrics
from .page import PageSection, render_page
from .paper_blocks import ENTROPIES, PaperBlocks
from .report import FORMATS
from .style import figure_style, write_atomically
from .verdicts import DIFFERS, REPRODUCED, UNKNOWN, compute_verdicts

ESTIMATORS = (
    *ENTROPIES,
    *("cot_mean_entropy", "cot_max_entropy"),
    *("masj_complexity", "masj_education_level", "masj_reasoning_steps"),
)


@dataclass(frozen=True)
class Paper:
    """What `build_paper` made: a verdict per published value, sentences, and the files."""

    verdicts: pd.DataFrame
    summary: list[str]
    files: list[Path] = field(default_factory=list)


def build_paper(
    data: ReportInput,
    output_path: str | Path,
    replicates: int = 1000,
    seed: int = 0,
    formats: Sequence[str] = FORMATS,
) -> Paper:
    """Write the paper's tables and figures for whatever is stored, beside the published values.

    Writes verdicts.csv, tables/*.{md,csv,tex}, figures/*, and index.html. Values are on the
    paper's rows (`--paper-filter`), with the AUC on all rows beside them. Raises ValueError where
    none of the paper's estimators is stored.
    """
    scores = data.scores[data.scores["estimator"].isin(ESTIMATORS)]
    if scores.empty:
        raise ValueError(f"Expected scores of one of {', '.join(ESTIMATORS)}, got none.")
    root = Path(output_path)
    reduced = ReportInput(
        scores, strata=data.strata, questions=data.questions, ratings=data.ratings, flow=data.flow
    )
    evaluated = evaluations(reduced, "paper")
    metrics = compute_metrics(reduced, "paper", replicates, seed, evaluated)
    every = compute_metrics(reduced, "all", max(2, replicates // 10), seed)
    verdicts = compute_verdicts(metrics, every)
    paper = Paper(verdicts, _summary(verdicts))
    text = verdicts.to_csv(index=False)
    paper.files.append(write_atomically(root / "verdicts.csv", text))
    drawer = Drawer(root / "figures", formats)
    builder = PaperBlocks(reduced, evaluated, metrics, verdicts, drawer, root / "tables")
    with figure_style():
        blocks = builder.blocks()
    paper.files.extend([*builder.files, *drawer.files])
    title = "The reference paper, value by value"
    sections = [PageSection("Tables and figures", blocks)]
    settings = {"rows": "paper", "replicates": replicates, "seed": seed, "title": title}
    settings["summary"] = paper.summary
    html = render_page(sections, data.manifests, [], settings)
    paper.files.append(write_atomically(root / "index.html", html))
    return paper


def _summary(verdicts: pd.DataFrame) -> list[str]:
    """How many published values were reproduced, by stored model and way of asking."""
    counts = verdicts["verdict"].value_counts()
    lines = [
        f"Of {len(verdicts)} published ROC AUCs, {int(counts.get(REPRODUCED, 0))} are reproduced, "
        f"{int(counts.get(DIFFERS, 0))} differ, and {int(counts.get(UNKNOWN, 0))} are "
        f"{UNKNOWN}."
    ]
    known = verdicts[verdicts["verdict"] != UNKNOWN]
    for (model, task, source), part in known.groupby(["stored_model", "stored_task", "source"]):
        same = int((part["verdict"] == REPRODUCED).sum())
        gap = float(np.median(np.abs(part["difference"].astype(float))))
        reasons = part.loc[part["verdict"] == DIFFERS, "reason"].str.split(":").str[0]
        why = ", ".join(f"{name} ({n})" for name, n in reasons.value_counts().items())
        lines.append(
            f"{model} on {task} against {source}: {same} of {len(part)} reproduced, median "
            f"distance {number(gap)}{'; differs because of ' + why if why else ''}."
        )
    return lines
