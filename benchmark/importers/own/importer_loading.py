"""Load importers from a user's own files, named as `path/to/file.py:NAME`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ....estimators.core.user_files import is_file_spec, load_from_file
from ....estimators.signals.estimator_errors import EstimatorError
from ....tasks.data_errors import DataError
from ...console.declared import Typed
from ...console.errors import ApprehendError, UsageError, first_line
from ...recordings.recorded import Recording
from ...store.files import file_checksum
from ..importer import Importer, importers
from .importer_contract import checked_recordings

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
COMMON = ("paths", "model", "task", "output_path", "dry_run", "help")
"""Arguments and options that the command of every importer has."""


def load_importer(spec: str, guarded: bool = True) -> Importer:
    """Load an importer.

    Args:
        spec: ``path/to/file.py:NAME``, or the name of a built-in importer.
        guarded: Whether what an importer of a file reads is checked, and whatever it raises becomes
            one line that names it.

    Returns:
        The importer.

    Raises:
        UsageError: It cannot be loaded, is none, or its declaration is invalid.
    """
    if not is_file_spec(spec):
        if spec not in importers():
            raise UsageError(
                f"importer {spec!r}: expected path/to/file.py:NAME, or one of "
                f"{', '.join(importers())}"
            )
        return importers()[spec]
    value = load_from_file("importer", spec, _names, UsageError)
    if not isinstance(value, Importer):
        raise UsageError(
            f"importer {spec!r}: expected an Importer, from apprehend.benchmark, got "
            f"{type(value).__name__}"
        )
    wrong = next(declaration_faults(value), None)
    if wrong is not None:
        raise UsageError(f"importer {spec!r}: {wrong}")
    return value if not guarded else _guarded(value, Path(spec.rpartition(":")[0]))


def _names(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, Importer)]


def declaration_faults(importer: Importer) -> Iterator[str]:
    """Yield what is wrong with the declaration of an importer."""
    name: object = importer.name
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield (
            "expected `name` to be lower-case letters, digits, - and _, beginning with a letter, "
            f"got {name!r}"
        )
    for field in ("summary", "files"):
        text: object = getattr(importer, field)
        if not isinstance(text, str) or not text.strip() or "\n" in text:
            yield f"expected `{field}` to be one line of text, got {text!r}"
    for field in ("read", "recognizes"):
        if not callable(getattr(importer, field)):
            yield f"expected `{field}` to be a function"
    options: object = importer.options
    if not isinstance(options, Mapping):
        yield "expected `options` to be a mapping of names to Typed"
        return
    for key in options:
        if not isinstance(options[key], Typed):
            yield f"option {key!r}: expected Typed, from apprehend.benchmark, got {options[key]!r}"
        elif not isinstance(key, str) or not key.isidentifier() or key in COMMON:
            yield (
                f"option {key!r}: expected a name of letters, digits and _, none of "
                f"{', '.join(COMMON)}"
            )


def _guarded(importer: Importer, file: Path) -> Importer:
    """Return the importer with its reader checked, and its file named in the manifest."""
    origin = {"importer": file.name, "importer_sha256": file_checksum(file)}

    def read(paths: Sequence[Path], options: Mapping[str, Any]) -> list[Recording]:
        try:
            result = importer.read(paths, options)
            recordings = list(result) if inspect.isgenerator(result) else result
            checked = checked_recordings(importer.name, recordings)
        except (ApprehendError, DataError, EstimatorError):
            raise
        except Exception as error:
            shown = ", ".join(map(str, paths))
            raise ApprehendError(
                f"importer {importer.name!r}: failed on {shown}: {type(error).__name__}: "
                f"{first_line(error)}"
            ) from error
        return [replace(one, origin={**one.origin, **origin}) for one in checked]

    return replace(importer, read=read)
