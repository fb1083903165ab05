"""The declaration of an importer, and the registry of all importers.

A format is one module of this folder with an ``IMPORTER``: the command ``apprehend import
NAME``, its options and its line in ``apprehend list importers`` follow from it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from ...tasks.files.bounds import is_clutter
from ...tasks.files.content import start_of
from ..console.declared import REQUIRED, Typed
from ..console.errors import ApprehendError, UsageError, first_line
from ..recordings.recorded import Recording, places_named

Content = TypeVar("Content")


@dataclass(frozen=True)
class Importer:
    """A format of recorded answers.

    Attributes:
        name: The name of its command.
        summary: What it contains, in one line.
        files: What its paths are, in one line.
        read: Paths and options by name → recordings. Raises UsageError for unsuitable options,
            ApprehendError or DataError with file and line for invalid content.
        recognizes: Whether a file, by its name and first bytes, is probably in this format.
        options: Name → option, besides those of every importer (model, task, output path).
        task: The default name of the task; None: as the files say.
        rank: Of several that recognize a file, the one of the lowest rank reads it; 0 for one
            that is never chosen by itself.
        every_option: Whether it takes the options of all others, none of them required.
    """

    name: str
    summary: str
    files: str
    read: Callable[[Sequence[Path], Mapping[str, Any]], Iterable[Recording]]
    recognizes: Callable[[Path], bool] = lambda path: False
    options: Mapping[str, Typed] = field(default_factory=dict)
    task: str | None = None
    rank: int = 0
    every_option: bool = False


def one_file(paths: Sequence[Path]) -> Path:
    """Return the only path. Raises UsageError for several, and for a path that is not a file."""
    if len(paths) != 1:
        raise UsageError(f"import: expected one file, got {len(paths)}")
    if not paths[0].is_file():
        raise UsageError(f"no such file: {paths[0]}")
    start_of(paths[0])
    return paths[0]


def files_in(paths: Sequence[Path], wanted: Callable[[Path], bool], what: str) -> list[Path]:
    """Return the given files, and those of given folders that are wanted, in their order.

    Raises UsageError for a path that is neither, and if there are none: ``what`` names them.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (file for file in sorted(path.rglob("*")) if file.is_file())
            files += [file for file in inside if not is_clutter(file.name) and wanted(file)]
        elif path.is_file():
            start_of(path)  # names what stands in the place of the real file
            files.append(path)
        else:
            raise UsageError(f"no such file or folder: {path}")
    if not files:
        raise UsageError(f"no {what} in {', '.join(map(str, paths))}")
    return files


class NotMultipleChoice(ApprehendError):
    """A file holds answers to another task, or says of none whether it is right."""


def multiple_choice(
    files: Sequence[Path], read: Callable[[Path], Content], notes: list[str]
) -> list[Content]:
    """Read the files of multiple-choice tasks; others among them are left out, with a note.

    Raises NotMultipleChoice if there are none but others.
    """
    found: list[Content] = []
    others: list[NotMultipleChoice] = []
    for file in files:
        try:
            found.append(read(file))
        except NotMultipleChoice as error:
            others.append(error)
    if others and not found:
        raise others[0]
    if others:
        notes.append(f"left out: {places_named(list(map(str, others)))}")
    return found


@contextmanager
def as_written_by(program: str, place: str) -> Iterator[None]:
    """Raise ApprehendError, with the place, where content has not the form a program gives it."""
    try:
        yield
    except (AttributeError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise ApprehendError(
            f"{place}: not as {program} writes it ({type(error).__name__}: {first_line(error)})"
        ) from error


@lru_cache(maxsize=1)
def importers() -> dict[str, Importer]:
    """Return all importers by name."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = (import_module(f".{name}", __package__) for name in names)
    declared: list[Importer] = [m.IMPORTER for m in modules if hasattr(m, "IMPORTER")]
    options: dict[str, Typed] = {}
    for importer in declared:
        for name, option in importer.options.items():
            default = None if option.default is REQUIRED else option.default
            options.setdefault(name, replace(option, default=default))
    return {
        importer.name: replace(importer, options=options) if importer.every_option else importer
        for importer in declared
    }


def recognizing(paths: Sequence[Path]) -> list[Importer]:
    """Return the importers that recognize every path, the most specific first."""
    found = [
        importer
        for importer in importers().values()
        if importer.rank and all(importer.recognizes(path) for path in paths)
    ]
    return sorted(found, key=lambda importer: importer.rank)
