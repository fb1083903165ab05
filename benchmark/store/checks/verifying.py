"""Look through a results folder for files that are not what was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from ....estimators.signals.batch import Signal
from ...console.errors import ApprehendError, UsageError
from .. import parts
from ..arrow import KEYS, signal_schema
from ..derivation import DERIVED
from ..files import TEMPORARY
from ..provenance import part_problem
from ..store_folder import MANIFEST
from ..task_store import QUESTIONS, Results, TaskStore
from .ownership import SCORES, misplaced, scores_problem, twins

DERIVED_FILES = (SCORES, "strata.parquet")
Key = tuple[Any, str, str]


@dataclass(frozen=True)
class Finding:
    """One file that is not as it should be."""

    path: Path
    problem: str
    again: str = ""
    """What makes it anew, for a file that is no part of a signal."""

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" + (f"; {self.again}" if self.again else "")


@dataclass
class _Seen:
    """What the parts of a signal hold, as they are looked through."""

    store: TaskStore
    ids: set[Any] | None
    """The store's questions; None where they cannot be read."""
    manifest: dict[str, Any]
    """Empty where it cannot be read."""
    checksums: bool
    """Whether every part must have a checksum: not in a store of the first schema version."""
    keys: dict[Key, str] = field(default_factory=dict)
    """Row → the part that holds it."""


def task_folders(results: Path) -> list[Path]:
    """Folders that are, or were, stores. Raises UsageError where there is none."""
    if not results.is_dir():
        raise UsageError(f"no results folder at {results}")
    marks = (MANIFEST, QUESTIONS, "signals")
    found = {file.parent for mark in marks for file in results.glob(f"*/*/{mark}")}
    if not found:
        Results(results).stores()
    return sorted(found)


def findings(store: TaskStore) -> list[Finding]:
    """Everything that is wrong with a store, in the order of its files."""
    found = [*_manifest(store), *_questions(store)]
    if any("newer apprehend" in finding.problem for finding in found):
        return found
    broken = {finding.path.name for finding in found}
    ids = None if QUESTIONS in broken else set(store.question_ids)
    manifest = {} if MANIFEST in broken else store.manifest
    folder = store.path / "signals"
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in {signal.value for signal in Signal} or not path.is_dir():
            found.append(Finding(path, "foreign: not the folder of a signal"))
            continue
        marked = MANIFEST not in broken and _written_version(store) >= 2
        seen = _Seen(store, ids, manifest, marked)
        found += _signal(path, Signal(path.name), seen)
    return [*found, *_derived(store, whole=not found)]


def _written_version(store: TaskStore) -> int:
    content = json.loads((store.path / MANIFEST).read_text(encoding="utf-8"))
    return int(content["schema_version"])


def _without_path(error: ApprehendError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ").removesuffix(f"; {parts.REPAIR}")


def _manifest(store: TaskStore) -> Iterator[Finding]:
    path = store.path / MANIFEST
    again = "the next run writes a new one, and takes the parts that fit it"
    if not path.is_file():
        yield Finding(path, "missing", again)
        return
    try:
        _ = store.manifest
    except ApprehendError as error:
        reason = _without_path(error, path)
        yield Finding(path, reason, "" if "newer apprehend" in reason else again)


def _questions(store: TaskStore) -> Iterator[Finding]:
    path = store.path / QUESTIONS
    again = "the next run writes it anew"
    if not path.is_file():
        yield Finding(path, "missing", again)
        return
    try:
        ids = store.question_ids
    except ApprehendError as error:
        yield Finding(path, _without_path(error, path), again)
        return
    except KeyError:
        yield Finding(path, "mismatched: no column question_id", again)
        return
    if len(set(ids)) < len(ids):
        yield Finding(path, f"duplicated: {len(ids) - len(set(ids))} questions stand twice", again)


def _signal(folder: Path, signal: Signal, seen: _Seen) -> list[Finding]:
    files = sorted(folder.iterdir())
    replaced = _replaced(folder)
    found = []
    for file in files:
        if file.name.startswith(TEMPORARY) or file in replaced:
            continue  # what a killed writer left; the next one clears it
        problem = _part(file, signal, seen)
        if problem is not None:
            found.append(Finding(file, problem))
    return found


def _replaced(folder: Path) -> set[Path]:
    try:
        kept = set(parts.part_files(folder))
    except ApprehendError:
        return set()
    return set(folder.glob("part-*.parquet")) - kept


def _part(file: Path, signal: Signal, seen: _Seen) -> str | None:
    """What is wrong with a part, beginning with one of the words truncated, damaged, mismatched,
    foreign and duplicated; None for a good one, whose rows are then seen."""
    if parts.PART_NAME.fullmatch(file.name) is None:
        return "foreign: not a name that apprehend gives"
    if seen.checksums and parts.name_checksum(file) is None:
        return "foreign: no checksum in its name"
    try:
        table = parts.read_parquet(file)
    except ApprehendError as error:
        kind = "truncated" if _cut(file) else "damaged"
        return f"{kind}: {_without_path(error, file)}"
    try:
        parts.check_bytes(file)
    except ApprehendError as error:
        return f"damaged: {_without_path(error, file)}"
    problem = _mismatch(table.schema, signal) or _foreign(table, signal, seen)
    return problem or _duplicates(file, table, seen) or _outdated(table, signal, seen)


def _cut(file: Path) -> bool:
    """Whether the end of a Parquet file is not there."""
    content = file.read_bytes()
    return not content.endswith(b"PAR1")


def _mismatch(schema: pa.Schema, signal: Signal) -> str | None:
    says = parts.part_signal(schema)
    if says is not None and says != signal.value:
        return f"mismatched: holds {says}, not {signal.value}"
    for name in KEYS:
        if name not in schema.names:
            return f"mismatched: no column {name}"
    expected = signal_schema(signal, schema.field("question_id").type)
    for column in schema:
        if column.name not in expected.names:
            return f"mismatched: unknown column {column.name!r}"
        wanted = expected.field(column.name).type
        if column.type != wanted:
            return f"mismatched: column {column.name!r} holds {column.type}, expected {wanted}"
    return None


def _outdated(table: pa.Table, signal: Signal, seen: _Seen) -> str | None:
    """Rows that were derived from another answer than the stored one."""
    if signal not in DERIVED or seen.ids is None:
        return None
    try:
        count = seen.store.states(signal, table).count(False)
    except ApprehendError:
        return None  # the answers are not readable, which is another finding
    if not count:
        return None
    return f"outdated: {count} of its {len(table)} rows were derived from answers that have changed"


def _foreign(table: pa.Table, signal: Signal, seen: _Seen) -> str | None:
    problem = part_problem(parts.part_provenance(table.schema), signal, seen.manifest)
    if problem is not None:
        return f"foreign: {problem}"
    ids = table.column("question_id").to_pylist()
    unknown = [] if seen.ids is None else [i for i in ids if i not in seen.ids]
    if unknown:
        return (
            f"foreign: {len(unknown)} of its {len(ids)} rows are about questions that are not "
            f"in the store, first: {unknown[0]}"
        )
    return None


def row_keys(table: pa.Table) -> list[Key]:
    """(question id, variant, source) of every row."""
    return list(zip(*(table.column(name).to_pylist() for name in KEYS), strict=True))


def _duplicates(file: Path, table: pa.Table, seen: _Seen) -> str | None:
    keys = row_keys(table)
    twice = [key for key in keys if key in seen.keys]
    if twice:
        return (
            f"duplicated: {len(twice)} of its {len(keys)} rows stand in "
            f"{seen.keys[twice[0]]} already"
        )
    if len(set(keys)) < len(keys):
        return f"duplicated: {len(keys) - len(set(keys))} of its {len(keys)} rows stand in it twice"
    seen.keys.update(dict.fromkeys(keys, file.name))
    return None


def _derived(store: TaskStore, whole: bool) -> Iterator[Finding]:
    """Scores and strata that cannot be read, or were computed on something else. The scores are
    compared with the answers where the signals are ``whole``."""
    for name in DERIVED_FILES:
        path = store.path / name
        if not path.is_file():
            continue
        try:
            table = parts.read_parquet(path)
            problem = scores_problem(store, table) if name == SCORES and whole else None
        except ApprehendError as error:
            problem = _without_path(error, path)
        except KeyError as error:
            problem = f"mismatched: no column {error}"
        if problem is not None:
            yield Finding(path, problem, "`apprehend score` writes it anew")


def folder_findings(stores: Sequence[TaskStore]) -> dict[Path, list[Finding]]:
    """Folder → what is wrong with stores as a whole: copies, links and other names."""
    found: dict[Path, list[Finding]] = {}
    readable = [store for store in stores if not list(_manifest(store))]
    for store, other in twins(readable):
        copy, original = (store, other)
        if misplaced(other) and not misplaced(store):
            copy, original = (other, store)
        problem = f"copied: the same store as {original.path}"
        found.setdefault(copy.path, []).append(Finding(copy.path, problem, "delete one of them"))
    for store in readable:
        problem_here = misplaced(store)
        if problem_here is not None and store.path not in found:
            again = "--repair takes it as it is called now"
            found.setdefault(store.path, []).append(Finding(store.path, problem_here, again))
    return found


def stored_counts(store: TaskStore) -> dict[str, int]:
    """Signal (with variant and source) → number of questions for which it is stored."""
    counts = {}
    for signal in Signal:
        for variant, sources in store.variants(signal).items():
            for source in sources:
                name = " ".join(filter(None, (signal.value, variant, source)))
                counts[name] = len(store.done(signal, variant, source))
    return counts
