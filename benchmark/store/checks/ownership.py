"""Ownership of files: copies of stores, and scores that were computed from other answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....estimators.signals.batch import Need, Signal
from ....tasks.topics import LETTERS
from ...console.errors import ApprehendError
from .. import parts
from ..store_folder import MANIFEST
from ..task_store import OUTCOMES, TaskStore

SCORES = "scores.parquet"
_STORE, _SIGNALS = b"apprehend.store", b"apprehend.signals"
_ESTIMATORS = b"apprehend.estimators"
AGAIN = "`apprehend score` recomputes them"


def misplaced(store: TaskStore) -> str | None:
    """Return why a store does not belong in its folder; None if it does, or records no owner."""
    owner = store.manifest.get("store") or {}
    says = (owner.get("model"), owner.get("task"))
    if None in says or says == (store.model, store.task):
        return None
    return f"copied or renamed: it is the store of {says[0]}/{says[1]}"


def _identity(store: TaskStore) -> str:
    """Return a store's identity; for schemas 1 and 2, which have none, a hash of its manifest."""
    owner = store.manifest.get("store") or {}
    if owner.get("id"):
        return str(owner["id"])
    return hashlib.sha256((store.path / MANIFEST).read_bytes()).hexdigest()


def twins(stores: Iterable[TaskStore]) -> Iterator[tuple[TaskStore, TaskStore]]:
    """Yield pairs of folders that are the same store: a copy or link, and the first of them."""
    first: dict[str, TaskStore] = {}
    for store in stores:
        other = first.setdefault(_identity(store), store)
        if other is not store and other.path != store.path:
            yield store, other


def check_owned(stores: Sequence[TaskStore]) -> None:
    """Raise ApprehendError for a duplicate store, or one in the folder of another."""
    for store, other in twins(stores):
        raise ApprehendError(
            f"{store.path} and {other.path} are one store (a copy or a link); delete or move one "
            "of the two"
        )
    for store in stores:
        problem = misplaced(store)
        if problem is not None:
            raise ApprehendError(
                f"{store.path}: {problem}; rename the folder back, or `apprehend verify --repair` "
                "adopts its new name"
            )


def signals_state(store: TaskStore) -> str:
    """Return a hash of all stored parts, which changes if any is added, changed or deleted."""
    names = sorted(
        (signal.value, parts.name_checksum(file) or file.name)
        for signal in Signal
        for file in parts.part_files(store.signal_folder(signal))
    )
    return hashlib.sha256(repr(names).encode()).hexdigest()[:32]


def marked_scores(store: TaskStore, table: pa.Table, about: Mapping[str, Any]) -> pa.Table:
    """Return a store's scores with metadata: what they were computed from, and what each estimator
    says of itself."""
    marks = {_STORE: store.id.encode(), _SIGNALS: signals_state(store).encode()}
    return table.replace_schema_metadata({**marks, _ESTIMATORS: json.dumps(about).encode()})


def about_estimators(table: pa.Table) -> dict[str, Any]:
    """Return what the estimators of stored scores say of themselves; empty in older stores.

    Raises ApprehendError where it is no JSON object.
    """
    try:
        stored = json.loads((table.schema.metadata or {}).get(_ESTIMATORS, b"{}"))
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        raise ApprehendError(f"{SCORES}: what its estimators say of themselves is no JSON object")
    return stored


def scores_problem(store: TaskStore, table: pa.Table) -> str | None:
    """Return why stored scores do not belong to a store's answers; None if they do."""
    own = (store.manifest.get("store") or {}).get("id")
    says = (table.schema.metadata or {}).get(_STORE, b"").decode("utf-8", "replace")
    if own and says != own:
        return "unexpected: not computed for this store, or by an older version"
    for name, value in (("model", store.model), ("task", store.task)):
        others = [x for x in pc.unique(table.column(name)).to_pylist() if x != value]
        if others:
            return f"unexpected: scores of {name} {others[0]!r}"
    return _contradiction(store, table)


def _contradiction(store: TaskStore, table: pa.Table) -> str | None:
    """Return the first question whose scores belong to another answer than the stored one."""
    if not len(table):
        return None
    estimators = table.column("estimator")
    if pa.types.is_dictionary(estimators.type):
        estimators = pa.chunked_array([chunk.indices for chunk in estimators.chunks])
    rows = table.filter(pc.equal(estimators, estimators[0]))
    ids = rows.column("question_id").to_pylist()
    known = set(store.question_ids)
    unknown = [i for i in ids if i not in known]
    if unknown:
        return f"unexpected: question {unknown[0]!r} is not in the store"
    signal = next((signal for signal in OUTCOMES if store.has(signal)), None)
    if signal is None:
        return None
    stored = store.load(frozenset({Need.of(signal)}), ids).outcome
    letters = np.array([*LETTERS, None], dtype=object)
    answers = letters[np.where(stored.answer < len(LETTERS), stored.answer, -1)]
    pairs = zip(
        *(ids, rows.column("answer").to_pylist(), rows.column("correct").to_pylist()),
        *(answers.tolist(), (stored.correct == 1).tolist()),
        strict=True,
    )
    for question, answer, correct, now, right in pairs:
        if (answer, bool(correct)) != (now, right):
            return f"outdated: question {question!r} has another answer now"
    return None


def is_outdated(store: TaskStore, table: pa.Table) -> bool:
    """Return whether signals were added or deleted after the scores were computed."""
    says = (table.schema.metadata or {}).get(_SIGNALS)
    return says is not None and says.decode("utf-8", "replace") != signals_state(store)


def check_scores(store: TaskStore, table: pa.Table) -> None:
    """Raise ApprehendError where stored scores are not those of the store's answers."""
    problem = scores_problem(store, table)
    if problem is not None:
        raise ApprehendError(f"{store.path / SCORES}: {problem}; {AGAIN}")
