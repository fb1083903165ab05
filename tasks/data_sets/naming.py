"""Names that follow from a file or a topic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_SHARD = re.compile(r"-\d{3,6}-of-\d{3,6}$")
_SPLIT = re.compile(r"[-_. ](test|dev|val|valid|validation|train)$", re.IGNORECASE)
_SPLITS = {"test", "dev", "val", "valid", "validation", "train"}
_ENDING = re.compile(
    r"(?:\.(?:csv|tsv|tab|txt|json|jsonl|ndjson|parquet|xlsx|xlsm|ods))?"
    r"(?:\.(?:gz|zst|bz2|xz|zip))?$",
    re.IGNORECASE,
)


def name_of_file(file: Path) -> str:
    """Return what a file is about: of ``anatomy_test.csv`` and ``anatomy/test.csv`` anatomy."""
    whole = _ENDING.sub("", file.name)
    stem = _SHARD.sub("", whole)
    if stem.lower() in _SPLITS or stem != whole:
        folder = file.resolve().parent
        return folder.name if folder.name.lower() not in ("", "data") else stem
    return _SPLIT.sub("", stem) or stem


def split_of(file: Path) -> str:
    """Return the split that a file's name says: ``anatomy_test.csv`` is of test; else nothing."""
    stem = _SHARD.sub("", _ENDING.sub("", file.name)).lower()
    found = _SPLIT.search(stem)
    return stem if stem in _SPLITS else found[1] if found is not None else ""


def slug(text: str) -> str:
    """Return a text as part of a name: lower case, one _ for anything but letters and digits."""
    return re.sub(r"[\W_]+", "_", text).strip("_").lower() or "unnamed"


def slugs(texts: Iterable[str]) -> dict[str, str]:
    """Return text → slug, with a number behind those that would be the same."""
    found: dict[str, str] = {}
    used: set[str] = set()
    for text in texts:
        base = name = slug(text)
        number = 1
        while name in used:
            number += 1
            name = f"{base}_{number}"
        used.add(name)
        found[text] = name
    return found
