"""The results folder: ``results/<model>/<task>/`` with manifest, questions, signals and scores.

Signals are stored in Parquet parts, one per finished batch. Parts are written atomically, so that a
killed run loses at most the batch in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.dataset as ds

from ...estimators.signals.batch import TABLES, Need, Signal, Signals, Table
from ...estimators.signals.tables import TableT
from ...tasks.files.identifiers import id_text
from ..console.errors import ApprehendError, UsageError
from . import parts
from .arrow import (
    KEYS,
    arrow_to_table,
    arrow_to_variants,
    id_array,
    records_to_arrow,
    signal_schema,
)
from .derivation import DERIVED, MARKED, is_derived, marks_of, state_of_rows
from .failures import Failed, QuestionId, note_failures
from .files import write_parquet
from .names import model_folder, task_folder
from .provenance import part_problem
from .store_folder import MANIFEST, StoreFolder
from .stored_questions import signals_of, with_questions
from .stored_rows import Row, unstorable

OUTCOMES = tuple(signal for signal, table in TABLES.items() if table.outcome)
"""Signals with the model's answers; each task has one of them."""
VARIANT_SIGNALS = frozenset(signal for signal, table in TABLES.items() if table.keyed)
"""Signals whose rows are keyed by a variant and a source beside the question."""
QUESTIONS = "questions.parquet"
ROWS_COPIED_AT_A_TIME = 1024


class TaskStore(StoreFolder):
    """Everything that is stored of one model on one task."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._done: dict[Signal, dict[tuple[str, str], set[Any]]] = {}
        self._outdated: dict[Signal, int] = {}
        self._questions: pa.Table | None = None
        self._marks: dict[Any, str] | None = None
        self._parts = 0
        self.compared: dict[Path, frozenset[str] | None] = {}
        """Other store → ids of its questions that differ from those here; None if most do."""
        self.others: dict[tuple[str, ...], list[TaskStore]] = {}  # of each committee, if known

    def forget(self) -> None:
        """Drop everything cached from the disk."""
        super().forget()
        self._done.clear()
        self.others.clear()
        self._questions = self._marks = None

    @property
    def questions(self) -> pa.Table:
        """The questions asked so far: question_id, topic, option_count, gold, question, …"""
        if self._questions is None:
            file = self.path / QUESTIONS
            if not file.is_file():
                raise ApprehendError(f"{self.path}: no {QUESTIONS}; not a task's folder?")
            self._questions = parts.read_parquet(file)
        return self._questions

    def add_questions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add new questions; rows have at least the columns named above."""
        file = self.path / QUESTIONS
        table = with_questions(parts.read_parquet(file) if file.is_file() else None, rows)
        if table is not None:
            write_parquet(file, table)
            self._questions = table

    @property
    def question_ids(self) -> list[Any]:
        """Ids of the questions asked so far, in the order of asking."""
        return list(self.questions.column("question_id").to_pylist())

    def done(self, signal: Signal, variant: str = "", source: str = "") -> set[Any]:
        """Return the ids of the questions for which the signal is stored.

        Raises ApprehendError if a part is damaged or was collected under other settings.
        """
        if signal not in self._done:
            ids: dict[tuple[str, str], set[Any]] = {}
            self._outdated[signal] = 0
            for file in self.part_files(signal):
                parts.check_bytes(file)
                self._check_provenance(file, signal)
                for (question, name, origin), state in self._keys(file, signal):
                    if state:
                        ids.setdefault((name, origin), set()).add(question)
                    self._outdated[signal] += state is False
            self._done[signal] = ids
        return self._done[signal].get((variant, source), set())

    def _check_provenance(self, file: Path, signal: Signal) -> None:
        part = parts.part_provenance(parts.read_schema(file))
        problem = part_problem(part, signal, self._known_manifest)
        if problem is not None:
            raise ApprehendError(f"{file}: {problem}; {parts.REPAIR}")

    def _keys(
        self, file: Path, signal: Signal
    ) -> Iterator[tuple[tuple[Any, str, str], bool | None]]:
        """Yield a part's keys with their `states`; without derivation all rows are current."""
        if signal not in DERIVED:
            yield from ((key, True) for key in parts.read_keys(file))
            return
        rows = parts.read_parquet(file)
        keys = zip(*(rows.column(name).to_pylist() for name in KEYS), strict=True)
        yield from zip(keys, self.states(signal, rows), strict=True)

    def states(self, signal: Signal, rows: pa.Table) -> list[bool | None]:
        """Return per row of a derived signal whether it was derived from the stored answer.

        None where no answer is stored.
        """
        variants = rows.column("variant").unique().to_pylist()
        marks = self.marks() if any(is_derived(signal, name) for name in variants) else {}
        return state_of_rows(signal, rows, marks)

    def marks(self) -> dict[Any, str]:
        """Return question id → the mark of its answer's row, which derived rows record."""
        if self._marks is None:
            self._marks = {}
            for signal in OUTCOMES:
                for file in self.part_files(signal):
                    names = parts.read_schema(file).names
                    columns = ["question_id", *(name for name in MARKED if name in names)]
                    self._marks |= marks_of(parts.read_parquet(file, columns))
        return self._marks

    def drop_outdated(self, signal: Signal) -> int:
        """Delete rows derived from another answer than the stored one; return their number.

        Rows of questions without an answer stay: it may come again. Raises as `done` does.
        """
        if signal not in DERIVED:
            return 0
        self.forget()
        self.done(signal)
        outdated = self._outdated[signal]
        if outdated:

            def keep(rows: pa.Table) -> pa.Table:
                return rows.filter([state is not False for state in self.states(signal, rows)])

            parts.merge_parts(self.signal_folder(signal), signal, self.provenance(signal), keep)
            self._outdated[signal] = 0
        return outdated

    def variants(self, signal: Signal) -> dict[str, list[str]]:
        """Return variant → sources, for the stored rows."""
        self.done(signal)
        sources: dict[str, list[str]] = {}
        for variant, source in sorted(self._done[signal]):
            sources.setdefault(variant, []).append(source)
        return sources

    def has(self, signal: Signal) -> bool:
        """Return whether any row of the signal is stored."""
        self.done(signal)
        return bool(self._done[signal])

    def store_part(
        self, signal: Signal, rows: Sequence[Row], variant: str = "", source: str = ""
    ) -> dict[QuestionId, str]:
        """Store a part of a variant, and note why rows of it failed or cannot be stored; gives the
        reasons by question id."""
        keys = {"variant": variant, "source": source}
        failed = {question: row.reason for question, row in rows if isinstance(row, Failed)}
        records = [
            {**row, "question_id": question, **keys}
            for question, row in rows
            if not isinstance(row, Failed)
        ]
        try:
            self.append(signal, records)
        except (pa.ArrowException, UnicodeError, OverflowError, TypeError):
            reasons = {record["question_id"]: unstorable(record) for record in records}
            found = {
                question: f"the reply cannot be stored: {why}"
                for question, why in reasons.items()
                if why is not None
            }
            if not found:
                raise
            self.append(signal, [r for r in records if r["question_id"] not in found])
            failed |= found
        note_failures(self.path, signal, variant, source, [q for q, _ in rows], failed)
        return failed

    def append(self, signal: Signal, records: Sequence[Mapping[str, Any]]) -> None:
        """Store records, keyed by question_id (and variant, source), as one new part."""
        if not records:
            return
        self.done(signal)
        table = records_to_arrow(signal, records)
        self._append_table(signal, table)
        if signal in OUTCOMES:
            self._marks = None
        for record in records:
            key = (record.get("variant", ""), record.get("source", ""))
            self._done[signal].setdefault(key, set()).add(id_text(record["question_id"]))

    def _append_table(self, signal: Signal, table: pa.Table) -> None:
        self._parts += 1
        pairs = table.select(["variant", "source"]).group_by(["variant", "source"]).aggregate([])
        keys = [(row["variant"], row["source"]) for row in pairs.to_pylist()]
        provenance = self.provenance(signal, keys)
        parts.append_part(self.signal_folder(signal), self._parts, table, signal, provenance)

    def borrow(
        self, other: TaskStore, signal: Signal, variant: str, source: str, ids: Sequence[Any]
    ) -> int:
        """Copy the rows of a variant from another store for those of ``ids`` without it here.

        Returns:
            The number of rows copied.
        """
        lacking = set(map(id_text, ids)) - self.done(signal, variant, source)
        shared = sorted(lacking & other.done(signal, variant, source), key=str)
        schema = signal_schema(signal)
        for start in range(0, len(shared), ROWS_COPIED_AT_A_TIME):
            batch = shared[start : start + ROWS_COPIED_AT_A_TIME]
            rows = parts.read_rows(
                other.part_files(signal),
                schema,
                ds.field("question_id").isin(id_array(batch))
                & (ds.field("variant") == variant)
                & (ds.field("source") == source),
            )
            self._append_table(signal, rows)
            self._done[signal].setdefault((variant, source), set()).update(batch)
        return len(shared)

    def compact(self, signal: Signal) -> None:
        """Merge the parts of a signal into one with a row group for each, in constant memory."""
        provenance = self.provenance(signal)
        parts.merge_parts(self.signal_folder(signal), signal, provenance)

    def load(self, needs: Iterable[Need], ids: Sequence[Any]) -> Signals:
        """Load the stored signals among ``needs`` for these questions, in this order."""
        tables: dict[Signal, Table] = {}
        for signal in sorted({signal for need in needs for signal in need.signals}):
            if signal in TABLES and self.has(signal):
                tables[signal] = self._load_signal(signal, ids)
        return signals_of(self.questions, ids, tables)

    def load_table(self, table: type[TableT], ids: Sequence[Any]) -> TableT:
        """Load the table of a signal without variants; missing questions are not present in it."""
        return cast(TableT, self._load_signal(Signal(table.signal), ids))

    def _load_signal(self, signal: Signal, ids: Sequence[Any]) -> Table:
        self.done(signal)
        chosen = ds.field("question_id").isin(id_array(ids))
        rows = parts.read_rows(self.part_files(signal), signal_schema(signal), chosen)
        if signal in DERIVED:
            rows = rows.filter([bool(state) for state in self.states(signal, rows)])
        if signal not in VARIANT_SIGNALS:
            return arrow_to_table(signal, rows, ids)
        return arrow_to_variants(signal, rows, self.variants(signal), ids)


class Results:
    """A results folder with any number of models and tasks."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def open(self, model: str, task: str) -> TaskStore:
        """Return the store of one model on one task, existing or not.

        Raises UsageError if a model of another name has the folder.
        """
        return TaskStore(task_folder(model_folder(self.path, model), task))

    def stores(self) -> list[TaskStore]:
        """Return all stores. Raises UsageError if the folder has none."""
        if not self.path.is_dir():
            raise UsageError(f"no results folder at {self.path}")
        folders = sorted(file.parent for file in self.path.glob(f"*/*/{MANIFEST}"))
        if not folders:
            raise UsageError(
                f"{self.path}: no results in it; expected <model>/<task>/{MANIFEST}, as "
                "`apprehend run` and `apprehend import` write them"
            )
        return [TaskStore(path) for path in folders]
