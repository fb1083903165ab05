"""Conversion between signal tables and Arrow: schemas, and padded arrays without Python loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...estimators.signals.batch import TABLES, Panel, Signal, Variants
from ...estimators.signals.tables import Kind, SignalTable
from ...tasks.files.identifiers import id_text
from .derivation import DERIVED, DERIVED_FROM

Cells = pa.Array | pa.ChunkedArray
KEYS = ("question_id", "variant", "source")


ID_TYPE = pa.string()
"""Ids of questions are text. Files of schemas before 5 have int64 where all were numbers."""


def id_array(ids: Iterable[object]) -> pa.Array:
    """Return question ids as a column; numbers become their text."""
    return pa.array([id_text(i) for i in ids], ID_TYPE)


def with_text_ids(table: pa.Table) -> pa.Table:
    """Return a table whose question ids are text; those of older files may be numbers."""
    names = table.column_names
    if "question_id" not in names or table.column("question_id").type == ID_TYPE:
        return table
    ids = table.column("question_id").cast(ID_TYPE)
    return table.set_column(names.index("question_id"), "question_id", ids)


def _arrow_type(kind: Kind, single: bool) -> pa.DataType:
    number = pa.float32() if single else pa.float64()
    return {
        Kind.FLOAT: number,
        Kind.INT: pa.int64(),
        Kind.TEXT: pa.string(),
        Kind.FLOATS: pa.list_(number),
        Kind.INTS: pa.list_(pa.int64()),
        Kind.TEXTS: pa.list_(pa.string()),
        Kind.FLOAT_LISTS: pa.list_(pa.list_(number)),
    }[kind]


def signal_schema(signal: Signal) -> pa.Schema:
    """Return the columns of a part.

    These are the keys, the mark of the answer that a derived row depends on, and the columns of the
    signal's table.
    """
    table = TABLES[signal]
    single = table.single_precision()
    fields = [("question_id", ID_TYPE), ("variant", pa.string()), ("source", pa.string())]
    fields += [(DERIVED_FROM, pa.string())] if signal in DERIVED else []
    fields += [(name, _arrow_type(kind, name in single)) for name, kind in table.kinds().items()]
    return pa.schema(fields)


def records_to_arrow(signal: Signal, records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Convert records (one mapping per row; NaN and absent keys become null) to a part's table."""
    schema = signal_schema(signal)
    columns = {}
    for field in schema:
        default = "" if field.name in KEYS else None
        cells = [record.get(field.name, default) for record in records]
        if field.name == "question_id":
            cells = [id_text(cell) for cell in cells]
        columns[field.name] = pa.array(cells, type=field.type, from_pandas=True)
    return pa.table(columns, schema=schema)


def _list_parts(cells: Cells) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Return the lengths of the lists (null = 0) and their concatenated values."""
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(cells), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64), pc.list_flatten(cells)


def _pad(
    flat: npt.NDArray[Any], lengths: npt.NDArray[np.int64], width: int, fill: object, dtype: type
) -> npt.NDArray[Any]:
    padded: npt.NDArray[Any] = np.full((len(lengths), width), fill, dtype=dtype)
    padded[np.arange(width) < lengths[:, None]] = flat
    return padded


def _floats(cells: Cells) -> npt.NDArray[np.float64]:
    return np.asarray(cells.to_numpy(zero_copy_only=False), dtype=np.float64)


def column_to_array(kind: Kind, cells: Cells) -> npt.NDArray[Any]:
    """Convert an Arrow column to the array that ``Kind`` describes."""
    import pyarrow.compute as pc

    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if kind is Kind.FLOAT:
        return _floats(cells)
    if kind is Kind.INT:
        return np.asarray(pc.fill_null(cells, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    if kind is Kind.TEXT:
        return np.array([*cells.to_pylist(), None], dtype=object)[:-1]
    lengths, flat = _list_parts(cells)
    width = int(lengths.max(initial=0))
    if kind is Kind.FLOATS:
        return _pad(_floats(flat), lengths, width, np.nan, np.float64)
    if kind is Kind.INTS:
        whole = pc.fill_null(flat, -1).to_numpy(zero_copy_only=False)
        return _pad(whole, lengths, width, -1, np.int64)
    if kind is Kind.TEXTS:
        texts = np.array([*flat.to_pylist(), None], dtype=object)[:-1]
        return _pad(texts, lengths, width, None, object)
    inner_lengths, numbers = _list_parts(flat)
    depth = int(inner_lengths.max(initial=0))
    rows = _pad(_floats(numbers), inner_lengths, depth, np.nan, np.float64)
    cube = np.full((len(lengths), width, depth), np.nan)
    cube[np.arange(width) < lengths[:, None]] = rows
    return cube


def arrow_to_table(signal: Signal, table: pa.Table, ids: Sequence[Any]) -> SignalTable:
    """Convert the rows of ``ids``, in that order; missing questions are marked as not present."""
    import pyarrow.compute as pc

    wanted = id_array(ids)
    keys = table.column("question_id").combine_chunks()
    positions = pc.index_in(wanted, value_set=keys)
    rows = table.take(positions)
    cls = TABLES[signal]
    columns = {
        name: column_to_array(kind, rows.column(name))
        if name in rows.column_names
        else column_to_array(kind, pa.nulls(len(ids), _arrow_type(kind, False)))
        for name, kind in cls.kinds().items()
    }
    present = np.asarray(pc.is_valid(positions).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return cls(present=present, **columns)


def arrow_to_variants(
    signal: Signal, table: pa.Table, variants: Mapping[str, Sequence[str]], ids: Sequence[Any]
) -> Variants[SignalTable]:
    """Convert rows of a signal with variants to one table per variant and source."""
    import pyarrow.compute as pc

    panels = {}
    for variant, sources in variants.items():
        tables = {}
        for source in sources:
            mask = pc.and_(
                pc.equal(table.column("variant"), variant), pc.equal(table.column("source"), source)
            )
            tables[source] = arrow_to_table(signal, table.filter(mask), ids)
        panels[variant] = Panel(tables)
    return Variants(signal, panels)
