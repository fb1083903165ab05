"""``apprehend check``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ...console.declared import as_kind
from ...console.errors import ApprehendError, UsageError
from ...console.number_limits import LARGEST_SEED
from ...console.options import parse_pairs, show

app = typer.Typer(
    help="Whether an estimator, a metric or an importer conforms to its interface.",
    no_args_is_help=True,
)


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
    from ....estimators.checks.conformance import check_estimator
    from ....estimators.registry import load_estimator

    _show(f"estimator {spec}", check_estimator(load_estimator(spec), questions, seed))


@app.command("metric")
def metric(
    spec: Annotated[str, typer.Argument(help="A name, or path/to/file.py:function.")],
    rows: Annotated[int, typer.Option(min=20, max=100_000, help="Synthetic rows.")] = 300,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Their seed.")] = 0,
) -> None:
    """Range, orientation, row order, ties, edge cases and more, on synthetic scores."""
    from ....reports import builtin_metrics, check_metric
    from ...reporting.metric_loading import load_metric

    known = builtin_metrics().get(spec)
    _show(f"metric {spec}", check_metric(known or load_metric(spec), rows, seed))


@app.command("importer")
def importer(
    spec: Annotated[str, typer.Argument(help="A format's name, or path/to/file.py:NAME.")],
    paths: Annotated[list[Path], typer.Argument(help="Sample files in its format.")],
    option: Annotated[
        Optional[list[str]], typer.Option(help="NAME=VALUE of an option of its own (repeatable).")
    ] = None,
) -> None:
    """Test reading, repetition, recognition and the refusal of damaged files, on samples."""
    from ...importers.own.importer_checks import check_importer
    from ...importers.own.importer_loading import load_importer

    loaded = load_importer(spec, guarded=False)
    values: dict[str, Any] = {}
    for name, value in parse_pairs("--option", option).items():
        if name not in loaded.options:
            raise UsageError(f"--option: {name!r} is no option of {spec}")
        values[name] = as_kind(f"--option {name}", loaded.options[name].kind, value)
    _show(f"importer {spec}", check_importer(loaded, paths, values))


def _show(what: str, outcomes: Sequence[Any]) -> None:
    """Show a table of the outcomes. Raises ApprehendError where a check failed."""
    from rich import box
    from rich.table import Table

    table = Table("check", "outcome", "details", box=box.SIMPLE_HEAD)
    for outcome in outcomes:
        table.add_row(outcome.check, outcome.status, outcome.reason)
    show(table)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        raise ApprehendError(
            f"{what}: {len(failed)} of {len(outcomes)} checks failed, first: "
            f"{failed[0].check}: {failed[0].reason}"
        )
