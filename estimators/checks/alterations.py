"""Altered copies of signals, to test which changes affect a score and which must not.

Used by the conformance suite and by tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..signals.batch import AnswerTable, Panel, Signals, Table, TraceTable, Variants
from ..signals.tables import IntArray, Kind, SignalTable, to_array

Column = npt.NDArray[Any]
TableChange = Callable[[SignalTable], SignalTable]
_BY_OPTION = ("option_logprobs", "scored_logprobs")
"""Columns whose last axis runs over the options."""
_BY_TWO_OPTIONS = ("covariance",)
"""Columns whose last two axes run over the options."""
_OPTION_INDEX = ("answer", "answers")
"""Columns that hold indices of options."""
_ZERO_WHEN_CERTAIN = (
    "entropy",
    "post_answer_entropy",
    "token_entropies",
    "missing_mass",
    "token_logprobs",
    "answer_logprobs",
)


def change_tables(signals: Signals, change: TableChange) -> Signals:
    """Apply ``change`` to every table, including those in panels and variants."""

    def in_panel(panel: Panel[SignalTable]) -> Panel[SignalTable]:
        return Panel({source: change(table) for source, table in panel.tables.items()})

    def apply(table: Table) -> Table:
        if isinstance(table, Variants):
            return Variants(table.signal, {n: in_panel(p) for n, p in table.panels.items()})
        return in_panel(table) if isinstance(table, Panel) else change(table)

    return replace(signals, tables={s: apply(table) for s, table in signals.tables.items()})


def with_columns(table: SignalTable, columns: Mapping[str, Column]) -> SignalTable:
    """Return the table with other values in some columns."""
    return replace(table, **columns)


def all_tables(signals: Signals) -> list[SignalTable]:
    """Return every table, including those in panels and variants, in a fixed order."""
    tables: list[SignalTable] = []

    def note(table: SignalTable) -> SignalTable:
        tables.append(table)
        return table

    change_tables(signals, note)
    return tables


def other_outcomes(signals: Signals, rows: IntArray) -> Signals:
    """Return signals in which wrong answers of these questions are right and vice versa."""

    def change(table: SignalTable) -> SignalTable:
        if not isinstance(table, AnswerTable | TraceTable):
            return table
        correct = table.correct.copy()
        correct[rows] = np.where(correct[rows] >= 0, 1 - correct[rows], -1)
        return replace(table, correct=correct)

    gold = None if signals.gold is None else signals.gold.copy()
    if gold is not None:
        gold[rows] = np.where(gold[rows] >= 0, (gold[rows] + 1) % signals.option_count[rows], -1)
    return replace(change_tables(signals, change), gold=gold)


def unobserved(signals: Signals, rows: IntArray) -> Signals:
    """Return signals in which these questions were never asked."""

    def change(table: SignalTable) -> SignalTable:
        present = table.present.copy()
        present[rows] = False
        changed: dict[str, Column] = {"present": present}
        for name, kind in table.kinds().items():
            column: Column = getattr(table, name).copy()
            column[rows] = _missing(kind)
            changed[name] = column
        return with_columns(table, changed)

    return change_tables(signals, change)


def _missing(kind: Kind) -> Any:
    """Return the missing value of a column."""
    scalar = {Kind.FLOATS: Kind.FLOAT, Kind.FLOAT_LISTS: Kind.FLOAT}
    scalar |= {Kind.INTS: Kind.INT, Kind.TEXTS: Kind.TEXT}
    return to_array(scalar.get(kind, kind), [None])[0]


def rotated_options(signals: Signals, by: int = 1) -> Signals:
    """Return signals with each option i renamed to option (i + by) mod K.

    Contents, cyclic orders, answers and right options move along: only names change.
    """
    count = signals.option_count

    def rename(index: IntArray) -> IntArray:
        k = count.reshape(-1, *[1] * (index.ndim - 1))
        renamed: IntArray = np.where(index >= 0, (index + by) % k, -1)
        return renamed

    def change(table: SignalTable) -> SignalTable:
        changed: dict[str, Column] = {}
        for name in table.kinds():
            column: Column = getattr(table, name)
            if name in _BY_OPTION:
                changed[name] = _rolled(column, count, by)
            elif name in _BY_TWO_OPTIONS:
                turned = np.swapaxes(_rolled(column, count, by), 1, 2)
                changed[name] = _rolled(turned, count, by)
            elif name in _OPTION_INDEX or name == "shifts":
                changed[name] = rename(column)
        return with_columns(table, changed)

    gold = None if signals.gold is None else rename(signals.gold)
    return replace(change_tables(signals, change), gold=gold)


def _rolled(column: Column, count: IntArray, by: int) -> Column:
    """Rotate the last axis by ``by`` places within the first K of each row."""
    place = np.arange(column.shape[-1])
    source = np.where(place < count[:, None], (place - by) % count[:, None], place)
    source = source.clip(max=max(column.shape[-1] - 1, 0))
    shape = (len(column), *[1] * (column.ndim - 2), column.shape[-1])
    return np.take_along_axis(column, np.broadcast_to(source.reshape(shape), column.shape), -1)


def more_padding(signals: Signals, extra: int = 3) -> Signals:
    """Return signals with every list padded further, as in a batch with a longer one."""

    def change(table: SignalTable) -> SignalTable:
        changed: dict[str, Column] = {}
        for name, kind in table.kinds().items():
            column: Column = getattr(table, name)
            # State vectors are not padded: all have the model's width.
            if column.ndim > 1 and name not in ("state", "layers", "layer_states"):
                widths = [(0, 0), *[(0, extra)] * (column.ndim - 1)]
                changed[name] = np.pad(column, widths, constant_values=_missing(kind))
        return with_columns(table, changed)

    return change_tables(signals, change)


def certain(signals: Signals, rows: IntArray) -> Signals:
    """Return signals in which every probability of these questions is exactly 0 or 1.

    The first of each list of log-probabilities or probabilities gets 1, all others 0.
    """

    def change(table: SignalTable) -> SignalTable:
        changed: dict[str, Column] = {}
        for name in table.kinds():
            column: Column = getattr(table, name)
            if name in (*_BY_OPTION, "top_logprobs", "token_top_logprobs"):
                changed[name] = _one_hot(column, rows, 0.0, -np.inf)
            elif name == "label_probs":
                changed[name] = _one_hot(column, rows, 1.0, 0.0)
            elif name in _OPTION_INDEX:
                changed[name] = _set(column, rows, 0)
            elif name in _ZERO_WHEN_CERTAIN:
                changed[name] = _set(column, rows, 0.0)
            elif name in ("value", "values"):
                changed[name] = _set(column, rows, 1.0)
        return with_columns(table, changed)

    return change_tables(signals, change)


def _one_hot(column: Column, rows: IntArray, first: float, others: float) -> Column:
    changed = _set(column, rows, others)
    if column.shape[-1]:
        head = changed[rows, ..., 0]
        changed[rows, ..., 0] = np.where(np.isnan(head), head, first)
    return changed


def _set(column: Column, rows: IntArray, value: float) -> Column:
    """Return a copy with ``value`` in these rows wherever something is stored."""
    changed = column.copy()
    part = changed[rows]
    stored = ~np.isnan(part) if part.dtype.kind == "f" else part >= 0
    changed[rows] = np.where(stored, value, part)
    return changed
