"""Search a results folder for files that are not as they were written."""

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
    """A problem with one file."""

    path: Path
    problem: str
    again: str = ""
    """What rewrites the file, if it is not a part of a signal."""

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" + (f"; {self.again}" if self.again else "")


@dataclass
class _Seen:
    """What the parts of a signal contain, collected while they are checked."""

    store: TaskStore
    ids: set[Any] | None
    """The store's questions; None if they cannot be read."""
    manifest: dict[str, Any]
    """Empty if it cannot be read."""
    checksums: bool
    """Whether every part must have a checksum; not so in a store of schema 1."""
    keys: dict[Key, str] = field(default_factory=dict)
    """Row → the part with it."""


def task_folders(results: Path) -> list[Path]:
    """Return the folders that are, or were, stores. Raises UsageError if there are none."""
    if not results.is_dir():
        raise UsageError(f"no results folder at {results}")
    marks = (MANIFEST, QUESTIONS, "signals")
    folders = {file.parent for mark in marks for file in results.glob(f"*/*/{mark}")}
    if not folders:
        Results(results).stores()
    return sorted(folders)


def findings(store: TaskStore) -> list[Finding]:
    """Return all problems of a store, in the order of its files."""
    problems = [*_manifest(store), *_questions(store)]
    if any("newer apprehend" in finding.problem for finding in problems):
        return problems
    broken = {finding.path.name for finding in problems}
    ids = None if QUESTIONS in broken else set(store.question_ids)
    manifest = {} if MANIFEST in broken else store.manifest
    folder = store.path / "signals"
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in {signal.value for signal in Signal} or not path.is_dir():
            problems.append(Finding(path, "unexpected: not the folder of a signal"))
            continue
        marked = MANIFEST not in broken and _written_version(store) >= 2
        seen = _Seen(store, ids, manifest, marked)
        problems += _signal(path, Signal(path.name), seen)
    return [*problems, *_derived(store, whole=not problems)]


def _written_version(store: TaskStore) -> int:
    content = json.loads((store.path / MANIFEST).read_text(encoding="utf-8"))
    return int(content["schema_version"])


def _without_path(error: ApprehendError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ").removesuffix(f"; {parts.REPAIR}")


def _manifest(store: TaskStore) -> Iterator[Finding]:
    path = store.path / MANIFEST
    again = "the next run writes a new one, and keeps the parts that match it"
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
    again = "the next run rewrites it"
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
        yield Finding(path, f"duplicate: {len(ids) - len(set(ids))} ids of questions", again)


def _signal(folder: Path, signal: Signal, seen: _Seen) -> list[Finding]:
    files = sorted(folder.iterdir())
    replaced = _replaced(folder)
    problems = []
    for file in files:
        if file.name.startswith(TEMPORARY) or file in replaced:
            continue  # left by a killed writer; the next one deletes it
        problem = _part(file, signal, seen)
        if problem is not None:
            problems.append(Finding(file, problem))
    return problems


def _replaced(folder: Path) -> set[Path]:
    try:
        kept = set(parts.part_files(folder))
    except ApprehendError:
        return set()
    return set(folder.glob("part-*.parquet")) - kept


def _part(file: Path, signal: Signal, seen: _Seen) -> str | None:
    """Return what is wrong with a part; None for a good one, whose rows are then recorded.

    The text starts with truncated, damaged, mismatched, unexpected, duplicate or outdated.
    """
    if parts.PART_NAME.fullmatch(file.name) is None:
        return "unexpected: not a name that apprehend gives"
    if seen.checksums and parts.name_checksum(file) is None:
        return "unexpected: no checksum in its name"
    try:
        table = parts.read_parquet(file)
    except ApprehendError as error:
        kind = "truncated" if _cut(file) else "damaged"
        return f"{kind}: {_without_path(error, file)}"
    try:
        parts.check_bytes(file)
    except ApprehendError as error:
        return f"damaged: {_without_path(error, file)}"
    problem = _mismatch(table.schema, signal) or _unexpected(table, signal, seen)
    return problem or _duplicates(file, table, seen) or _outdated(table, signal, seen)


def _cut(file: Path) -> bool:
    """Return whether the end of a Parquet file is missing."""
    content = file.read_bytes()
    return not content.endswith(b"PAR1")


def _mismatch(schema: pa.Schema, signal: Signal) -> str | None:
    says = parts.part_signal(schema)
    if says is not None and says != signal.value:
        return f"mismatched: holds {says}, not {signal.value}"
    for name in KEYS:
        if name not in schema.names:
            return f"mismatched: no column {name}"
    expected = signal_schema(signal)
    for column in schema:
        if column.name not in expected.names:
            return f"mismatched: unknown column {column.name!r}"
        wanted = expected.field(column.name).type
        older = column.name == "question_id" and column.type == pa.int64()
        if column.type != wanted and not older:
            return f"mismatched: column {column.name!r} holds {column.type}, expected {wanted}"
    return None


def _outdated(table: pa.Table, signal: Signal, seen: _Seen) -> str | None:
    """Describe rows that were derived from an outdated answer."""
    if signal not in DERIVED or seen.ids is None:
        return None
    try:
        count = seen.store.states(signal, table).count(False)
    except ApprehendError:
        return None  # the answers are unreadable, which is another finding
    if not count:
        return None
    return f"outdated: {count} of its {len(table)} rows were derived from answers that have changed"


def _unexpected(table: pa.Table, signal: Signal, seen: _Seen) -> str | None:
    problem = part_problem(parts.part_provenance(table.schema), signal, seen.manifest)
    if problem is not None:
        return f"unexpected: {problem}"
    ids = table.column("question_id").to_pylist()
    unknown = [] if seen.ids is None else [i for i in ids if i not in seen.ids]
    if unknown:
        return (
            f"unexpected: {len(unknown)} of its {len(ids)} rows are about questions that are not "
            f"in the store, first: {unknown[0]}"
        )
    return None


def row_keys(table: pa.Table) -> list[Key]:
    """Return (question id, variant, source) of every row."""
    return list(zip(*(table.column(name).to_pylist() for name in KEYS), strict=True))


def _duplicates(file: Path, table: pa.Table, seen: _Seen) -> str | None:
    keys = row_keys(table)
    twice = [key for key in keys if key in seen.keys]
    if twice:
        return f"duplicate: {len(twice)} of its {len(keys)} rows are also in {seen.keys[twice[0]]}"
    if len(set(keys)) < len(keys):
        return f"duplicate: {len(keys) - len(set(keys))} of its {len(keys)} rows more than once"
    seen.keys.update(dict.fromkeys(keys, file.name))
    return None


def _derived(store: TaskStore, whole: bool) -> Iterator[Finding]:
    """Find scores and strata that are unreadable or were computed from other data.

    The scores are compared with the answers if the signals are ``whole``.
    """
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
            yield Finding(path, problem, "`apprehend score` rewrites it")


def folder_findings(stores: Sequence[TaskStore]) -> dict[Path, list[Finding]]:
    """Return folder → problems of stores as a whole: copies, links and other names."""
    problems: dict[Path, list[Finding]] = {}
    readable = [store for store in stores if not list(_manifest(store))]
    for store, other in twins(readable):
        copy, original = (store, other)
        if misplaced(other) and not misplaced(store):
            copy, original = (other, store)
        problem = f"copied: the same store as {original.path}"
        problems.setdefault(copy.path, []).append(Finding(copy.path, problem, "delete one of them"))
    for store in readable:
        problem_here = misplaced(store)
        if problem_here is not None and store.path not in problems:
            again = "--repair adopts its new name"
            problems.setdefault(store.path, []).append(Finding(store.path, problem_here, again))
    return problems


def stored_counts(store: TaskStore) -> dict[str, int]:
    """Return signal (with variant and source) → number of questions for which it is stored."""
    counts = {}
    for signal in Signal:
        for variant, sources in store.variants(signal).items():
            for source in sources:
                name = " ".join(filter(None, (signal.value, variant, source)))
                counts[name] = len(store.done(signal, variant, source))
    return counts
