"""Objects from a user's file: `path/to/file.py:name`."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


def is_file_spec(name: str) -> bool:
    """Whether a name says a file, too."""
    return ".py:" in name


def load_from_file(
    what: str, name: str, known: Callable[[ModuleType], list[str]], error: type[Exception]
) -> Any:
    """Load the object that `path/to/file.py:name` names; the file is executed.

    Args:
        what: What it should be, for messages: "estimator".
        name: The file and the name in it.
        known: Names of the objects of that kind in the file, for a message.
        error: Raised where there is no such file, it cannot be run, or has no such name.
    """
    path_text, _, wanted = name.rpartition(":")
    path = Path(path_text)
    if not path.is_file():
        raise error(f"{what} {name!r}: no such file: {path}")
    digest = hashlib.blake2b(str(path.resolve()).encode()).hexdigest()[:16]
    spec = importlib.util.spec_from_file_location(f"_apprehend_user_{digest}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as failure:
        raise error(
            f"{what} {name!r}: {path} cannot be run: {type(failure).__name__}: {failure}"
        ) from failure
    if not hasattr(module, wanted):
        kind = {"metric": "function", "importer": "importer"}.get(what, "class")
        names = ", ".join(known(module)) or "none"
        raise error(f"{what} {name!r}: {path} has no {kind} {wanted!r}, {what}s in it: {names}")
    return getattr(module, wanted)
