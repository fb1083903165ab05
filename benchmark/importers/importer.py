"""What an importer declares of itself, and all importers there are.

A format is one module of this folder with an ``IMPORTER``: the command ``apprehend import NAME``,
its options and its line in ``apprehend list importers`` follow from it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ..console.declared import Typed
from ..console.errors import UsageError
from .common import ImportedQuestion


@dataclass(frozen=True)
class Recording:
    """Recorded answers of one model on one task, as files hold them.

    Attributes:
        files: the files, first the one that messages name.
        signal: what the answers become: ``answer``, or ``trace`` where text was generated.
        questions: one recorded answer per question, ids unique.
        task: what the files call the task; None where they do not say.
        origin: what the manifest says of how the files were read.
    """

    files: Sequence[Path]
    signal: Signal
    questions: Sequence[ImportedQuestion]
    task: str | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Importer:
    """A format of recorded answers.

    Attributes:
        name: that of its command.
        summary: what it holds, one line.
        files: what its paths are, one line.
        recognizes: whether a file, by its name and first bytes, is probably in this format.
        read: the recordings in these paths, given the options by name. Raises UsageError for
            options that do not fit, ApprehendError or DataError with file and line for content.
        options: name → option, beside those of every importer (model, task, output path).
        task: the task's name where none is given; None: as the files say.
    """

    name: str
    summary: str
    files: str
    recognizes: Callable[[Path], bool]
    read: Callable[[Sequence[Path], Mapping[str, Any]], Iterable[Recording]]
    options: Mapping[str, Typed] = field(default_factory=dict)
    task: str | None = None


def one_file(paths: Sequence[Path]) -> Path:
    """The only path. Raises UsageError for several, and for what is no file."""
    if len(paths) != 1:
        raise UsageError(f"import: expected one file, got {len(paths)}")
    if not paths[0].is_file():
        raise UsageError(f"no such file: {paths[0]}")
    return paths[0]


@lru_cache(maxsize=1)
def importers() -> dict[str, Importer]:
    """Name → importer, of all modules of this folder that declare one."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = (import_module(f".{name}", __package__) for name in names)
    found: list[Importer] = [m.IMPORTER for m in modules if hasattr(m, "IMPORTER")]
    return {importer.name: importer for importer in found}
