"""``apprehend import auto``: recognize the format of files, and read them by its importer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...tasks.files.content import start_of
from ..console.declared import REQUIRED
from ..console.errors import UsageError
from ..console.options import say
from ..recordings.recorded import Recording
from .importer import Importer, importers, recognizing

MOST_FILES = 2000
"""Most files of a folder that are looked at."""


def recognized(paths: Sequence[Path]) -> Importer:
    """Return the importer of the files' format.

    Raises UsageError for files of no known format, or of several.
    """
    kinds: dict[str, Path] = {}
    for path in _files(paths):
        found = recognizing([path])
        if found and (found[0].name != "table" or path in paths):
            start_of(path)  # names what stands in the place of the real file
            kinds.setdefault(found[0].name, path)
    if not kinds:
        for path in paths:
            if path.is_file():
                start_of(path)  # names what stands in the place of the real file
        raise UsageError(
            f"{', '.join(map(str, paths))}: not in a known format; `apprehend list importers` "
            "shows them, and `apprehend import table` reads any table"
        )
    if len(kinds) > 1:
        shown = ", ".join(f"{path} ({name})" for name, path in kinds.items())
        raise UsageError(f"files of several formats: {shown}; import them one by one")
    return importers()[next(iter(kinds))]


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += [file for file in sorted(path.rglob("*")) if file.is_file()][:MOST_FILES]
        elif path.is_file():
            files.append(path)
        else:
            raise UsageError(f"no such file or folder: {path}")
    return files


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    importer = recognized(paths)
    say(f"{paths[0]}: read as by `apprehend import {importer.name}`")
    own: dict[str, Any] = {"task": options["task"] or importer.task}
    for name, option in importer.options.items():
        own[name] = options[name]
        if option.default is REQUIRED and own[name] is None:
            raise UsageError(f"{paths[0]} is a {importer.name}: name its columns, --{name} first; "
                             f"`apprehend import {importer.name} --help` shows them")  # fmt: skip
    for name, value in options.items():
        if name not in own and value not in (None, [], ()):
            raise UsageError(f"--{name} is no option of `apprehend import {importer.name}`")
    for recording in importer.read(paths, own):
        task = recording.task or importer.task
        yield replace(recording, task=task, origin={**recording.origin, "format": importer.name})


IMPORTER = Importer(
    name="auto",
    summary="Any format of this list, recognized by its content.",
    files="Files or folders of one format.",
    recognizes=lambda path: bool(recognizing([path])),
    read=_read_paths,
    every_option=True,
)
