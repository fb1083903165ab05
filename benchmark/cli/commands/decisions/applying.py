"""``apprehend apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ....console.report_options import ResultsFolder


def apply(
    rule: Annotated[Path, typer.Argument(help="JSON file that `apprehend threshold` exported.")],
    results: ResultsFolder,
    model: Annotated[
        Optional[str], typer.Option(help="Model to apply it to (default: the rule's).")
    ] = None,
    task: Annotated[
        Optional[str], typer.Option(help="Task to apply it to (default: the rule's).")
    ] = None,
    output_path: Annotated[
        Path, typer.Option("--output_path", help="CSV file for the decision on each question.")
    ] = Path("decisions.csv"),
) -> None:
    """Apply a rule to stored scores, and check whether these have drifted away from it."""
    from ....reporting.deciding import apply_stored_rule

    apply_stored_rule(rule, results, model, task, output_path)
