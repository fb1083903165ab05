"""Set damaged files aside, and keep the rows that only they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from ....estimators.signals.batch import Signal
from .. import parts
from ..task_store import QUESTIONS, TaskStore
from .verifying import Finding, Key, row_keys


def repair(store: TaskStore, problems: list[Finding]) -> tuple[Path, int]:
    """Set the files of the findings aside.

    Rows of a duplicate part that no other part has are kept.

    Returns:
        The folder that the files are in now, and the number of rows kept.
    """
    with store.writing_damaged():
        if any(finding.path == store.path for finding in problems):
            store.write_manifest(store.manifest)  # under the names that its folders have now
        doubled = [finding.path for finding in problems if finding.problem.startswith("duplicate")]
        tables = {path: parts.read_parquet(path) for path in doubled if path.name != QUESTIONS}
        derived = [finding.path for finding in problems if _is_derived_anew(finding)]
        bad = [finding.path for finding in problems if finding.path not in (store.path, *derived)]
        aside = store.set_aside([path for path in bad if path.exists()])
        kept = sum(_keep_rest(store, path, table) for path, table in tables.items())
        for folder in {path.parent for path in derived}:
            store.drop_outdated(Signal(folder.name))
    return aside, kept


def _is_derived_anew(finding: Finding) -> bool:
    """Whether it is a part of which only the rows that are outdated have to go."""
    in_signals = finding.path.parent.parent.name == "signals"
    return in_signals and finding.problem.startswith("outdated")


def _keep_rest(store: TaskStore, path: Path, table: pa.Table) -> int:
    signal = Signal(path.parent.name)
    rows: dict[Key, Any] = {}
    for key, row in zip(row_keys(table), table.to_pylist(), strict=True):
        if key[0] not in store.done(signal, key[1], key[2]):
            rows.setdefault(key, row)
    store.append(signal, list(rows.values()))
    return len(rows)
