"""Some columns of a store's signals, for batches of questions, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import pyarrow as pa
import pyarrow.dataset as ds

from ....estimators.signals.batch import Signal, Variants
from ....estimators.signals.tables import SignalTable
from ...store import parts
from ...store.arrow import KEYS, arrow_to_table, arrow_to_variants, id_array, signal_schema
from ...store.derivation import DERIVED, DERIVED_FROM
from ...store.task_store import TaskStore

READ_AT_ONCE = 32_000_000
"""Bytes of stored parts that are read at a time: the parts are scanned once for each batch."""
ROWS_AT_ONCE = 128
"""Questions whose columns are padded to one length at a time."""

TableT = TypeVar("TableT", bound=SignalTable)


@dataclass(frozen=True)
class Batch:
    """The chosen columns of some questions; other columns of the tables hold nothing."""

    start: int
    ids: Sequence[str]
    store: TaskStore
    rows: Mapping[Signal, pa.Table]

    def table(self, kind: type[TableT]) -> TableT | None:
        """Return the table of a signal without variants; None where the store lacks it."""
        signal = Signal(kind.signal)
        if signal not in self.rows:
            return None
        return cast(TableT, arrow_to_table(signal, self.rows[signal], self.ids))

    def variants(self, kind: type[TableT]) -> Variants[TableT] | None:
        """Return a signal's variants; None where the store lacks it."""
        signal = Signal(kind.signal)
        if signal not in self.rows:
            return None
        known = self.store.variants(signal)
        found = arrow_to_variants(signal, self.rows[signal], known, self.ids)
        return cast("Variants[TableT]", found)


def read_columns(
    store: TaskStore, signal: Signal, columns: Sequence[str], ids: Sequence[str]
) -> pa.Table:
    """Read columns of a signal for these questions, without rows derived from other answers.

    Raises ApprehendError if a part is damaged or was collected under other settings.
    """
    store.done(signal)
    mark = [DERIVED_FROM] if signal in DERIVED else []
    chosen = ds.field("question_id").isin(id_array(ids))
    names = [*KEYS, *mark, *columns]
    rows = parts.read_rows(store.part_files(signal), signal_schema(signal), chosen, names)
    if mark:
        rows = rows.filter([bool(state) for state in store.states(signal, rows)])
    return rows


def batches(
    store: TaskStore, wanted: Mapping[Signal, Sequence[str]], ids: Sequence[str]
) -> Iterator[Batch]:
    """Yield the wanted columns of a store's signals, a batch of questions after the other."""
    held = {signal: columns for signal, columns in wanted.items() if store.has(signal)}
    stored = sum(f.stat().st_size for signal in held for f in store.part_files(signal))
    size = max(ROWS_AT_ONCE, READ_AT_ONCE * len(ids) // max(1, stored))
    for begin in range(0, len(ids), size):
        own = ids[begin : begin + size]
        rows = {s: read_columns(store, s, columns, own) for s, columns in held.items()}
        for start in range(0, len(own), ROWS_AT_ONCE):
            part = own[start : start + ROWS_AT_ONCE]
            chosen = id_array(part)
            few = {s: _of(table, chosen) for s, table in rows.items()}
            yield Batch(begin + start, part, store, few)


def _of(rows: pa.Table, ids: pa.Array) -> pa.Table:
    import pyarrow.compute as pc

    return rows.filter(pc.is_in(rows.column("question_id"), value_set=ids))
