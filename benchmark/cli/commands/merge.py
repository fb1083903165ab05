"""``apprehend merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...console.options import say


def merge(
    results: Annotated[Path, typer.Argument(help="The results folder that the parts lie in.")],
) -> None:
    """Join the parts that several processes collected (run --shard, accelerate launch), score."""
    from ...run.sharding import merge as join
    from ...score.scoring import score_store

    for store, count in join(results):
        scored = score_store(store)
        say(
            f"{store.path}: {count} rows joined, {scored.questions} questions, "
            f"{len(scored.estimators)} estimators scored"
        )
