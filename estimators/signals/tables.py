"""Columns of a signal: their declaration, and tables that are built from records and reordered.

A table has one row per question. Values that were not observed are NaN (floats), -1 (whole
numbers) or None (text); lists are padded with the same values to the longest row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, ClassVar, Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ObjectArray = npt.NDArray[np.object_]

TableT = TypeVar("TableT", bound="SignalTable")


class Status(str, Enum):
    """Whether the model's own reply named an option."""

    PARSED = "parsed"
    UNPARSED = "unparsed"
    DONT_KNOW = "dont_know"
    CUT_WHILE_THINKING = "cut_while_thinking"
    """The text ends within the reasoning of a thinking model: there is no answer to read."""


class Kind(Enum):
    """Type of the cells of a column, which determines its shape."""

    FLOAT = "float"
    """(n,) float64, NaN where missing."""
    INT = "int"
    """(n,) int64, -1 where missing."""
    TEXT = "text"
    """(n,) object, None where missing."""
    FLOATS = "floats"
    """(n, m) float64, padded with NaN."""
    INTS = "ints"
    """(n, m) int64, padded with -1."""
    TEXTS = "texts"
    """(n, m) object, padded with None."""
    FLOAT_LISTS = "float_lists"
    """(n, a, b) float64, padded with NaN."""


FloatKind = Literal[Kind.FLOAT, Kind.FLOATS, Kind.FLOAT_LISTS]


@overload
def column(kind: FloatKind, single: bool = False) -> FloatArray: ...
@overload
def column(kind: Literal[Kind.INT, Kind.INTS]) -> IntArray: ...
@overload
def column(kind: Literal[Kind.TEXT, Kind.TEXTS]) -> ObjectArray: ...
def column(kind: Kind, single: bool = False) -> object:
    """Declare a column of a SignalTable; the text below it documents it.

    ``single`` columns are stored in single precision (long lists per token).
    """
    return field(default=None, metadata={"kind": kind, "single": single})


_FILL: dict[Kind, float | None] = {
    Kind.FLOAT: np.nan,
    Kind.FLOATS: np.nan,
    Kind.FLOAT_LISTS: np.nan,
    Kind.INT: -1,
    Kind.INTS: -1,
    Kind.TEXT: None,
    Kind.TEXTS: None,
}
_TYPE: dict[Kind, type] = {
    Kind.FLOAT: np.float64,
    Kind.FLOATS: np.float64,
    Kind.FLOAT_LISTS: np.float64,
    Kind.INT: np.int64,
    Kind.INTS: np.int64,
    Kind.TEXT: object,
    Kind.TEXTS: object,
}


def to_array(kind: Kind, cells: Sequence[Any]) -> npt.NDArray[Any]:
    """Convert the cells of a column (None = missing) to a padded array; see ``Kind`` for shapes."""
    fill, dtype, count = _FILL[kind], _TYPE[kind], len(cells)
    if kind in (Kind.FLOAT, Kind.INT, Kind.TEXT):
        flat: npt.NDArray[Any] = np.full(count, fill, dtype=dtype)
        for row, cell in enumerate(cells):
            if cell is not None:
                flat[row] = cell
        return flat
    if kind is not Kind.FLOAT_LISTS:
        width = max((len(cell) for cell in cells if cell is not None), default=0)
        padded: npt.NDArray[Any] = np.full((count, width), fill, dtype=dtype)
        for row, cell in enumerate(cells):
            if cell is not None and len(cell):
                padded[row, : len(cell)] = [fill if value is None else value for value in cell]
        return padded
    outer = max((len(cell) for cell in cells if cell is not None), default=0)
    inner = max((len(v) for cell in cells if cell is not None for v in cell), default=0)
    cube: npt.NDArray[Any] = np.full((count, outer, inner), fill, dtype=dtype)
    for row, cell in enumerate(cells):
        for position, values in enumerate(cell if cell is not None else ()):
            cube[row, position, : len(values)] = [
                fill if value is None else value for value in values
            ]
    return cube


@dataclass(frozen=True)
class SignalTable:
    """Base of the signals' tables. ``present`` is (n,) bool: was the question observed at all."""

    signal: ClassVar[str]
    """The signal that the table declares."""
    cost: ClassVar[str]
    """What a question costs, in words."""
    keyed: ClassVar[bool]
    """Whether rows have a variant and a source beside the question."""
    derived: ClassVar[bool]
    """Whether rows depend on the stored answer, so that they are outdated when it changes."""
    outcome: ClassVar[bool]
    """Whether it holds the answer that is right or wrong."""
    present: BoolArray

    def __init_subclass__(
        cls,
        signal: str = "",
        cost: str = "",
        keyed: bool = False,
        derived: bool = False,
        outcome: bool = False,
    ) -> None:
        """Declare a signal: the keywords are the attributes above. A class without them extends
        the table of a declared one."""
        super().__init_subclass__()
        if not signal:
            return
        cls.signal, cls.cost = signal, cost
        cls.keyed, cls.derived, cls.outcome = keyed, derived, outcome

    @classmethod
    def kinds(cls) -> dict[str, Kind]:
        """Return column name → kind, in the order of declaration."""
        return {f.name: f.metadata["kind"] for f in fields(cls) if "kind" in f.metadata}

    @classmethod
    def single_precision(cls) -> frozenset[str]:
        """Return the names of the columns that are stored in single precision."""
        return frozenset(f.name for f in fields(cls) if f.metadata.get("single"))

    @classmethod
    def from_records(cls: type[TableT], records: Sequence[Mapping[str, Any] | None]) -> TableT:
        """Build from one mapping per question; None for a question that was not observed."""
        present = np.array([record is not None for record in records], dtype=np.bool_)
        columns = {
            name: to_array(kind, [None if r is None else r.get(name) for r in records])
            for name, kind in cls.kinds().items()
        }
        return cls(present=present, **columns)

    def take(self: TableT, rows: IntArray) -> TableT:
        """Return the table with these rows, in this order."""
        columns = {name: getattr(self, name)[rows] for name in self.kinds()}
        return type(self)(present=self.present[rows], **columns)

    def __len__(self) -> int:
        return len(self.present)
