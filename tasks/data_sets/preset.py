"""The declaration of a published schema, and the registry of all of them.

A schema is an entry of ``PRESETS`` in a module of ``published/``: recognition, the name of its
tasks, the list of ``apprehend list presets`` and the table in the documentation follow from it.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ..files.file_errors import DataError, did_you_mean
from ..files.table_reader import FileTable
from .column_cells import has_column

Row = Mapping[str, Any]
ANY = ("*",)
"""Further columns of any name belong to the schema."""


@dataclass(frozen=True)
class Preset:
    """The schema of a data set as it is published.

    Attributes:
        name: Its name in the names of tasks, if ``is_data_set``.
        title: What the output calls it.
        requires: Columns (nested: ``choices.text``) by which it is recognized.
        columns: Field → column, see `column_map.FIELDS`; of several, the first that exists.
        knows: Further columns of the published files. With others, a file has this schema, but is
            some other data set, and named after the file.
        is_data_set: Whether the schema is that of one data set.
        header: Whether tables have a line with the names of the columns.
        index_base: From which number answers count; None: the data tell.
        check_base: The same of the field ``check``.
        shuffled: Whether the options are put into an order that depends on the question's id,
            since the file always has the right one in the same place.
        left_out: Row → why the question is left out, None to keep it.
        prepare: Row → row, where columns alone do not say it.
        fits: Whether a table with these columns has this schema.
        note: What is said about every file of this schema.
        published: Where the data set is found.
    """

    name: str
    title: str
    requires: Sequence[str]
    columns: Mapping[str, str | Sequence[str]]
    knows: Sequence[str] = ()
    is_data_set: bool = True
    header: bool = True
    index_base: int | None = None
    check_base: int | None = None
    shuffled: bool = False
    left_out: Callable[[Row], str | None] = lambda row: None
    prepare: Callable[[Row], Row] | None = None
    fits: Callable[[FileTable], bool] = lambda table: True
    note: str = ""
    published: str = ""

    @property
    def base(self) -> str:
        """Return the name of the data set, which may be published in several schemas."""
        return re.sub(r"_(?:hub|json|raw|hendrycks)$", "", self.name)

    def recognizes(self, table: FileTable) -> bool:
        """Return whether a table has the columns of this schema."""
        return all(has_column(table, name) for name in self.requires) and self.fits(table)

    def is_published(self, table: FileTable) -> bool:
        """Return whether a table is this data set as published: it has no other columns."""
        own = {*self.requires, *self.knows}
        for spec in self.columns.values():
            own |= {part for one in _listed(spec) for part in one.split("+")}
        heads = {name.partition(".")[0] for name in own}
        return self.is_data_set and ("*" in own or set(table.columns) <= own | heads)


def _listed(spec: str | Sequence[str]) -> Sequence[str]:
    return (spec,) if isinstance(spec, str) else spec


def chosen_columns(preset: Preset, table: FileTable) -> dict[str, str]:
    """Return field → column of the table, for the fields that it has."""
    found: dict[str, str] = {}
    for name, spec in preset.columns.items():
        for one in _listed(spec):
            parts = [one] if one[:1] in "'\"@" else one.split("+")
            existing = [part for part in parts if part[:1] in "'\"@" or has_column(table, part)]
            if existing and (len(existing) == len(parts) or name in ("options", "incorrect")):
                found[name] = "+".join(existing)
                break
    return found


@lru_cache(maxsize=1)
def presets() -> dict[str, Preset]:
    """Return all presets by name, those with more required columns first."""
    folder = Path(__file__).parent / "published"
    names = sorted(module.name for module in pkgutil.iter_modules([str(folder)]))
    modules = [import_module(f".published.{name}", __package__) for name in names]
    declared = [preset for module in modules for preset in getattr(module, "PRESETS", ())]
    declared.sort(key=lambda preset: (not preset.is_data_set, -len(preset.requires)))
    return {preset.name: preset for preset in declared}


def preset_named(name: str) -> Preset:
    """Return a preset. Raises DataError for an unknown name."""
    known = presets()
    if name not in known:
        raise DataError(
            f"--data_columns: unknown preset {name!r}{did_you_mean(name, known)}; known: "
            f"{', '.join(known)}"
        )
    return known[name]


def recognized(table: FileTable) -> Preset | None:
    """Return the preset whose schema a table has; None if there is none."""
    return next((p for p in presets().values() if p.header and p.recognizes(table)), None)
