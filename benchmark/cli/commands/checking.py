"""``apprehend check``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...console.errors import ApprehendError
from ...console.number_limits import LARGEST_SEED
from ...console.options import show

app = typer.Typer(help="Check that a component conforms to its interface.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``estimator`` a subcommand while it is the only one."""


@app.command("estimator")
def estimator(
    spec: Annotated[
        str, typer.Argument(help="A name, name(parameter=value), or path/to/file.py:Class.")
    ],
    questions: Annotated[
        int, typer.Option(min=50, max=100_000, help="Number of synthetic questions.")
    ] = 300,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the synthetic questions.")
    ] = 0,
) -> None:
    """Test orientation, ties, missing values, determinism and more on synthetic signals."""
    from rich import box
    from rich.table import Table

    from ....estimators.checks.conformance import FAILED, check_estimator
    from ....estimators.registry import load_estimator

    outcomes = check_estimator(load_estimator(spec), questions, seed)
    table = Table("check", "outcome", "details", box=box.SIMPLE_HEAD)
    for outcome in outcomes:
        table.add_row(outcome.check, outcome.status, outcome.reason)
    show(table)
    failed = [outcome for outcome in outcomes if outcome.status == FAILED]
    if failed:
        raise ApprehendError(
            f"estimator {spec}: {len(failed)} of {len(outcomes)} checks failed, first: "
            f"{failed[0].check}: {failed[0].reason}"
        )
