"""Names of models, tasks and judges, and the folder names derived from them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..console.errors import UsageError
from ..console.escaping import has_control

_PATH = re.compile(r"[/\\~]|[A-Za-z]:[/\\]")
LONGEST = 120
"""Characters of a folder's name; file systems allow 255 bytes, and files in it add to the path."""
_RESERVED = frozenset(
    ["shards", "report", "con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in range(10)]
)
"""Folders with a special meaning in results, and devices that Windows sees in any folder, also with
a suffix after a dot."""


def folder_name(name: str) -> str:
    """Return the folder name of a name: ``org/model`` → ``org__model``.

    Unusual characters become ``_``; leading dots and characters beyond a length are dropped. A hash
    of the name is then appended, so that different names get different folders, except for ``a/b``
    and ``a__b``, and for names that differ only in case on some systems.
    """
    safe = former_folder_name(name).strip(".")
    if _is_reserved(safe) or not safe.strip("_"):
        safe = f"_{safe}"
    if len(safe) <= LONGEST and safe in (name, name.replace("/", "__")):
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe[: LONGEST - 9]}-{digest}"


def former_folder_name(name: str) -> str:
    """Return the folder name as earlier versions derived it, without a hash."""
    flat = re.sub(r"[^A-Za-z0-9._=+-]", "_", name.strip("/").replace("/", "__"))
    return flat.lstrip(".") or "model"


def _is_reserved(name: str) -> bool:
    return name.lower().split(".")[0] in _RESERVED


def check_name(option: str, name: str) -> str:
    """Validate a typed name of something that gets its own folder or column, and return it.

    Raises UsageError if it is blank, a path or reserved, or contains control characters.
    """
    wrong = None
    if not name.strip():
        wrong = "is blank"
    elif has_control(name):
        wrong = "holds control characters"
    elif re.match(r"[/\\~]|[A-Za-z]:[/\\]", name) or set(re.split(r"[/\\]", name)) & {
        "",
        ".",
        "..",
    }:
        wrong = "is a path"
    elif name.strip(" .") != name or not re.search(r"\w", name):
        wrong = "begins or ends with a space or a dot, or has no letter and no digit"
    elif _is_reserved(name):
        wrong = "is the name of a folder or device with a meaning of its own"
    if wrong is not None:
        raise UsageError(f"{option}: expected a name such as my-model_1, but {name!r} {wrong}")
    return name


def check_names(option: str, names: Iterable[str]) -> None:
    """Validate several names with ``check_name``."""
    for name in names:
        check_name(option, name)


def model_folder(results: Path, name: str) -> Path:
    """Return the folder of a model within ``results``, existing or not.

    Raises UsageError if a model of another name has the folder, as with ``a/b`` and ``a__b``.
    """
    folder = results / folder_name(name)
    former = results / former_folder_name(name)
    if not folder.is_dir() and _is_folder(former) and set(_recorded(former)) <= {name}:
        folder = former  # of a version that appended no hash
    other = next((known for known in _recorded(folder) if known != name), None)
    if other is not None:
        raise UsageError(
            f"{folder} holds the answers of a model called {other!r}, not {name!r}; use another "
            "name or --output_path"
        )
    return folder


def task_folder(model: Path, name: str) -> Path:
    """Return the folder of a task within a model's folder, existing or not."""
    folder = model / folder_name(name)
    if not folder.is_dir() and name not in ("", ".", "..") and not set(name) & set("/\\\0"):
        folder = model / name if _is_folder(model / name) else folder
    return folder


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long
        return False


def _recorded(model: Path) -> Iterator[str]:
    """Yield the model names in the manifests of a model's folder, skipping unreadable manifests.

    Those are reported where they are used.
    """
    for file in sorted(model.glob("*/manifest.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError, AttributeError, TypeError):
            name = json.loads(file.read_text(encoding="utf-8"))["model"].get("name")
            if isinstance(name, str):
                yield name
