"""``apprehend merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    results: Annotated[Path, typer.Argument(help="Results folder with the shards.")],
) -> None:
    """Merge the shards of several processes (run --shard, accelerate launch) and score them."""
    from ...run.running import merge as merge_steps

    merge_steps(results).raise_problems()
