"""``apprehend export`` and ``apprehend leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ...console.errors import UsageError
from ...console.options import say
from ...console.report_options import Replicates, Seed

Sources = Annotated[
    list[Path],
    typer.Argument(help="Results folders, models' folders inside them, and bundles (.zip)."),
]


def export(
    results: Annotated[
        list[Path], typer.Argument(help="Results folders, or models' folders inside them.")
    ],
    output_path: Annotated[
        Path, typer.Option("--output_path", help="The bundle, a .zip file.")
    ] = Path("results.zip"),
    texts: Annotated[
        bool, typer.Option("--texts", help="Include the texts of questions and options.")
    ] = False,
    replicates: Replicates = 1000,
    seed: Seed = 0,
) -> None:
    """Write a bundle that others can check: metrics, scores and manifests, without texts."""
    from ...publishing.bundles import export_bundle

    if output_path.suffix != ".zip":
        raise UsageError(f"--output_path: expected a .zip file, got {output_path}")
    stores = export_bundle(results, output_path, texts, replicates, seed)
    size = output_path.stat().st_size / 1e6
    say(f"bundle: {output_path} ({size:.1f} MB): {len(stores)} results of a model on a task each")


def leaderboard(
    results: Sources,
    output_path: Annotated[Path, typer.Option("--output_path", help="Folder for the site.")] = Path(
        "site"
    ),
    models: Annotated[
        Optional[Path],
        typer.Option(
            help="Table of what is known of models: model, parameters, weights (open or closed), "
            "license."
        ),
    ] = None,
    replicates: Replicates = 1000,
    seed: Seed = 0,
) -> None:
    """Build a static site that compares models and estimators over any number of results."""
    from ...publishing.leaderboard_sources import write_leaderboard

    for line in write_leaderboard(results, output_path, models, replicates, seed):
        typer.echo(line)
    say(f"leaderboard: {output_path / 'index.html'}")
