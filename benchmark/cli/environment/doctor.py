"""``apprehend doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...console.errors import ApprehendError
from ...console.options import show

MARKS = {"ok": "✓", "optional": "–", "missing": "✗"}


def doctor(
    network: Annotated[
        bool, typer.Option("--network/--no_network", help="Whether to ask if the hub answers.")
    ] = True,
) -> None:
    """Show versions, devices, hub and tools, and what would be left out; status 1 if unusable."""
    from rich import box
    from rich.table import Table

    from .findings import findings

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("", "what", "found", "consequence"):
        table.add_column(column, overflow="fold")
    missing = []
    for finding in findings(network):
        table.add_row(MARKS[finding.status], finding.subject, finding.found, finding.advice)
        if finding.status == "missing":
            missing.append(f"{finding.subject}: {finding.found}; {finding.advice}")
    show(table, "✓ as needed   – something is left out   ✗ unusable")
    if missing:
        raise ApprehendError("; ".join(missing))
