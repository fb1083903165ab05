"""What a leaderboard is built from: results folders and bundles, and facts on models."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...reports import EstimatorTraits, compute_metrics, evaluations
from ...reports.analyses.scores.choice import compute_selection
from ...reports.site.site_pages import build_site
from ...reports.site.standings import FACTS, Standings
from ...tasks.files.cells import is_blank
from ...tasks.files.file_errors import DataError
from ...tasks.files.table_reader import read_table_file
from ..console.errors import ApprehendError, UsageError
from ..reporting.report_building import stores_at
from .bundles import opened_bundle
from .scored_input import scored_input

BUNDLE = ".zip"
WEIGHTS = ("open", "closed")


def write_leaderboard(
    paths: Sequence[Path],
    output_path: Path,
    models: Path | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> list[str]:
    """Write a leaderboard of results folders, models' folders and bundles.

    Args:
        paths: Where the results are; a bundle's metrics are recomputed and compared.
        output_path: Folder of the site.
        models: A table that says of models (column ``model``) their ``parameters``, ``weights``
            (open or closed) and ``license``.
        replicates: Bootstrap replicates behind the intervals of folders; bundles have their own.
        seed: Seed of the bootstrap.

    Returns what changed since the earlier build, in sentences.
    """
    facts = {} if models is None else read_facts(models)
    standings = standings_of(paths, facts, replicates, seed)
    unknown = [name for name in facts if name not in standings.models]
    if unknown:
        raise UsageError(
            f"{models}: no results of {unknown[0]!r}, found: {', '.join(standings.models)}"
        )
    _, changed = build_site(standings, output_path, replicates, seed)
    return changed


def standings_of(
    paths: Sequence[Path],
    facts: Mapping[str, Mapping[str, Any]],
    replicates: int = 1000,
    seed: int = 0,
) -> Standings:
    """Read results and compute what a leaderboard shows of them.

    Raises UsageError where two of them hold the same model and task, ApprehendError for a bundle
    that does not hold what it states.
    """
    traits: dict[str, EstimatorTraits] = {}
    manifests: list[Mapping[str, Any]] = []
    sources: dict[tuple[str, str], str] = {}
    metrics, costs = [], []
    selections: list[pd.DataFrame] = []
    with contextlib.ExitStack() as opened:
        bundles = [path for path in paths if path.is_file() or path.suffix == BUNDLE]
        folders = [path for path in paths if path not in bundles]
        groups = [(path, [store]) for path in folders for store in stores_at([path])]
        for path in bundles:
            bundle = opened.enter_context(opened_bundle(path))
            groups += [(path, [store]) for store in bundle.stores]
            metrics.append(bundle.metrics)
        for path, stores in groups:
            (store,) = stores
            known = sources.setdefault((store.model, store.task), path.name)
            if len(sources) <= len(manifests):
                raise UsageError(
                    f"{path} and {known} hold the same model and task ({store.model} on "
                    f"{store.task}); leave one of them out"
                )
            data = scored_input(stores, signals=path not in bundles)
            manifests += data.manifests
            costs.append(data.costs)
            evaluated = evaluations(data)
            selections += map(compute_selection, evaluated)
            for name, declared in data.traits.items():
                traits.setdefault(name, declared)
            if path not in bundles:
                metrics.append(compute_metrics(data, "all", replicates, seed, evaluated=evaluated))
    if not metrics:
        raise ApprehendError("nothing to show: no results in what was given")
    filled = [frame for frame in selections if len(frame)]
    return Standings(
        metrics=pd.concat(metrics, ignore_index=True),
        selection=pd.concat(filled, ignore_index=True) if filled else selections[0],
        costs=pd.concat(costs, ignore_index=True),
        traits=traits,
        manifests=manifests,
        sources=sources,
        facts=facts,
    )


def read_facts(file: Path) -> dict[str, dict[str, Any]]:
    """Read what a table says of models. Raises UsageError for anything else."""
    try:
        table = read_table_file(file)
    except DataError as error:
        raise UsageError(f"--models: {error}") from error
    names = table.columns
    if "model" not in names or not set(names) & set(FACTS):
        raise UsageError(
            f"{file}: expected a column model and some of {', '.join(FACTS)}, got "
            f"{', '.join(map(str, names))}"
        )
    facts: dict[str, dict[str, Any]] = {}
    columns = {name: table.column(name) for name in ("model", *FACTS) if name in names}
    for row in range(len(columns["model"])):
        model = str(columns["model"][row])
        own = {name: columns[name][row] for name in FACTS if name in columns}
        facts[model] = {name: value for name, value in own.items() if not is_blank(value)}
        _check(file, row, model, facts[model])
    return facts


def _check(file: Path, row: int, model: str, facts: dict[str, Any]) -> None:
    weights = facts.get("weights")
    if weights is not None and weights not in WEIGHTS:
        raise UsageError(
            f"{file}: weights of {model} (row {row + 1}): expected open or closed, got {weights!r}"
        )
    if "parameters" in facts:
        try:
            facts["parameters"] = float(facts["parameters"])
        except (TypeError, ValueError):
            raise UsageError(
                f"{file}: parameters of {model} (row {row + 1}): expected a number such as 7e9, "
                f"got {facts['parameters']!r}"
            ) from None
