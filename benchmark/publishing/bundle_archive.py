"""The zip archive of a bundle: a list of its files with their hashes, and the files."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...tasks.files.bounds import unpacked_members
from ...tasks.files.file_errors import DataError
from ..console.errors import ApprehendError, first_line
from ..store.files import atomic_path

ABOUT = "bundle.json"
FORMAT, SCHEMA = "apprehend bundle", 1
MEMBERS = 100_000
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of all members, so that the same results give the same bytes."""


@dataclass(frozen=True)
class Archive:
    """A bundle's content, whose hashes have been compared.

    Attributes:
        about: bundle.json without its list of files.
        files: content by name.
    """

    about: Mapping[str, Any]
    files: Mapping[str, bytes]


def write_archive(path: Path, archive: Archive) -> None:
    """Write a bundle atomically. Raises ApprehendError if the folder cannot be written."""
    listed = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(archive.files.items())
    }
    about = {"format": FORMAT, "schema": SCHEMA, **archive.about, "files": listed}
    text = json.dumps(about, indent=2, ensure_ascii=False).encode()
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for name, content in [(ABOUT, text), *sorted(archive.files.items())]:
            file.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)


def read_archive(path: Path) -> Archive:
    """Read a bundle into memory, and compare its files with the hashes in its list.

    Raises ApprehendError if it is damaged, no bundle, of a newer version, too large, or if a file
    is changed, missing or not in its list.
    """
    try:
        members = list(unpacked_members(path, "", MEMBERS))
    except DataError as error:
        raise ApprehendError(str(error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise ApprehendError(f"{path}: not a readable bundle ({first_line(error)})") from error
    files = dict(members)
    if len(files) < len(members):
        raise ApprehendError(f"{path}: a name stands in it twice; export the bundle again")
    about = _about(path, files.pop(ABOUT, None))
    listed = about.pop("files", None)
    if not isinstance(listed, dict):
        raise ApprehendError(f"{path}: {ABOUT} lists no files; export the bundle again")
    for name in sorted(files.keys() | listed.keys()):
        problem = _problem(files.get(name), listed.get(name))
        if problem:
            raise ApprehendError(f"{path}: {name} {problem}; the bundle is refused")
    return Archive(about, files)


def _about(path: Path, content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise ApprehendError(
            f"{path}: holds no {ABOUT}; expected a bundle, as `apprehend export` writes them"
        )
    try:
        about = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise ApprehendError(f"{path}: {ABOUT} is not readable: {first_line(error)}") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ApprehendError(f"{path}: {ABOUT} is not that of an apprehend bundle")
    schema = about.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ApprehendError(
            f"{path}: a bundle of schema {schema!r}, this version reads up to {SCHEMA}; "
            "upgrade apprehend"
        )
    return about


def _problem(content: bytes | None, listed: object) -> str:
    if listed is None:
        return "is not in the bundle's list"
    if content is None:
        return "is missing"
    known = listed.get("sha256") if isinstance(listed, dict) else None
    return "" if known == hashlib.sha256(content).hexdigest() else "was changed (its hash differs)"
