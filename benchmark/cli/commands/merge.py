"""``apprehend merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    results: Annotated[Path, typer.Argument(help="The results folder that the parts lie in.")],
) -> None:
    """Join the parts that several processes collected (run --shard, accelerate launch), score."""
    from ...run.running import merge as merge_steps

    merge_steps(results).raise_problems()
