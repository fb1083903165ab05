"""Names of models, tasks and judges, and the folders that they become."""

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
"""Characters of a folder's name: file systems allow 255 bytes, and files inside add to the path."""
_RESERVED = frozenset(
    ["shards", "report", "con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in range(10)]
)
"""Folders with a meaning of their own inside results, and devices that Windows sees in any folder,
also with something after a dot."""


def folder_name(name: str) -> str:
    """A name as one folder: ``org/model`` → ``org__model``, the same for any clean name.

    What is lost on the way (odd characters become ``_``, leading dots and all beyond a length go)
    is made good by a hash of the name at the end, so that different names get different folders,
    but for ``a/b`` and ``a__b``, and for those that differ in letter case alone on some systems.
    """
    safe = former_folder_name(name).strip(".")
    if _is_reserved(safe) or not safe.strip("_"):
        safe = f"_{safe}"
    if len(safe) <= LONGEST and safe in (name, name.replace("/", "__")):
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe[: LONGEST - 9]}-{digest}"


def former_folder_name(name: str) -> str:
    """The folder that names got before a hash made good what is lost."""
    flat = re.sub(r"[^A-Za-z0-9._=+-]", "_", name.strip("/").replace("/", "__"))
    return flat.lstrip(".") or "model"


def _is_reserved(name: str) -> bool:
    return name.lower().split(".")[0] in _RESERVED


def check_name(option: str, name: str) -> str:
    """The name, which was typed for something that gets a folder or a column of its own.

    Raises UsageError for one that cannot be a name: blank, with control characters, a path that
    leads elsewhere, or a folder's that has a meaning.
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
    """``check_name`` for several."""
    for name in names:
        check_name(option, name)


def model_folder(results: Path, name: str) -> Path:
    """Where a model's answers lie or are to lie inside ``results``.

    Raises UsageError where a model of another name has the folder, as ``a/b`` and ``a__b`` would.
    """
    folder = results / folder_name(name)
    former = results / former_folder_name(name)
    if not folder.is_dir() and _is_folder(former) and set(_recorded(former)) <= {name}:
        folder = former  # of a version that put no hash at the end
    other = next((one for one in _recorded(folder) if one != name), None)
    if other is not None:
        raise UsageError(
            f"{folder} holds the answers of a model called {other!r}, not {name!r}; use another "
            "name or --output_path"
        )
    return folder


def task_folder(model: Path, name: str) -> Path:
    """The same for a task inside a model's folder."""
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
    """The names in the manifests of a model's folder; what cannot be read is reported by those who
    use it."""
    for file in sorted(model.glob("*/manifest.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError, AttributeError, TypeError):
            name = json.loads(file.read_text(encoding="utf-8"))["model"].get("name")
            if isinstance(name, str):
                yield name
