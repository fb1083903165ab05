"""``apprehend split``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ...console.report_options import ResultsFolder


def split(
    results: ResultsFolder,
    by: Annotated[str, typer.Option(help="Estimator that orders the questions.")],
    groups: Annotated[
        str, typer.Option(help="Group names, most certain first; name=weight for unequal groups.")
    ] = "easy,medium,hard",
    model: Annotated[Optional[str], typer.Option(help="Only this model.")] = None,
    task: Annotated[Optional[str], typer.Option(help="Only this task.")] = None,
    output_path: Annotated[
        Path, typer.Option("--output_path", help="CSV file for the question ids.")
    ] = Path("split.csv"),
) -> None:
    """Split the questions into groups by uncertainty, e.g. for curriculum learning."""
    import pandas as pd
    from rich.table import Table

    from ....reports import compute_split, csv_text, summarize_split
    from ...console.options import say, show
    from ...reporting.report_building import evaluated_with
    from ...store.files import write_text

    names, weights = _groups(groups)
    splits = [
        compute_split(evaluation, by, names, weights)
        for evaluation in evaluated_with(results, by, model, task)
    ]
    whole = pd.concat(splits, ignore_index=True)
    table = Table(title=f"questions by {by}", title_justify="left")
    for name in ("model", "task", "group", "questions", "share", "accuracy"):
        table.add_column(name, overflow="fold")
    for row in summarize_split(whole, names).to_dict("records"):
        shown = (row["model"], row["task"], row["group"], str(row["n"]))
        table.add_row(*shown, f"{row['share']:.3f}", f"{row['accuracy']:.3f}")
    show(table)
    write_text(output_path, csv_text(whole))
    say(f"split: {output_path}")


def _groups(text: str) -> tuple[list[str], list[float]]:
    from ...console.errors import UsageError

    names, weights = [], []
    for piece in text.split(","):
        name, _, weight = piece.strip().partition("=")
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            value = -1.0
        if not name or name in names or not 1e-6 <= value <= 1e6:
            raise UsageError(f"--groups: expected different names or name=weight, got {piece!r}")
        names.append(name)
        weights.append(value)
    if len(names) < 2:
        raise UsageError("--groups: expected at least two names")
    return names, weights
