"""The files in which Inspect logs: a zip archive (``.eval``) or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ...tasks.files.bounds import JSON_MARKS, unpacked_members
from ...tasks.files.content import open_text, start_of, unreadable_named
from ...tasks.files.file_errors import first_line
from ...tasks.files.json_rows import parse_json, parse_whole
from ..console.errors import ApprehendError

Log = Mapping[str, Any]
SAMPLES = 1_000_000
"""Limit on the samples of a log."""
LARGE = ("events", "messages", "store", "attachments", "timelines")
"""Parts of a sample that are not read."""


def read_log(file: Path) -> Log:
    """Read a log with its samples, by Inspect's own reader where it is installed.

    Raises ApprehendError or DataError for a file that is none.
    """
    try:
        from inspect_ai.log import read_eval_log
    except ImportError:
        return read_by_ourselves(file)
    start_of(file)
    try:
        log: Log = read_eval_log(str(file.resolve())).model_dump(mode="json")
    except Exception as error:  # whatever its reader raises
        raise ApprehendError(
            f"{file}: not a readable log of Inspect: {first_line(error)}"
        ) from error
    return log


def read_by_ourselves(file: Path) -> Log:
    """Read a log without Inspect. Raises ApprehendError or DataError for a file that is none."""
    if not start_of(file).startswith(b"PK"):
        with open_text(file, None, JSON_MARKS) as text:
            log = parse_whole(file, text.read())
        known = isinstance(log, Mapping) and isinstance(log.get("eval"), Mapping)
        if not known or not isinstance(log.get("samples") or [], list):
            raise ApprehendError(f"{file}: no samples; expected a log of Inspect")
        return cast(Log, log)
    log = {"samples": []}
    with unreadable_named(file):
        for name, content in unpacked_members(file, ".json", SAMPLES):
            if name == "header.json":
                header = parse_json(content.decode("utf-8"), f"{file}:{name}")
                log |= {k: v for k, v in header.items() if k != "samples"}
            elif name.startswith("samples/"):
                sample = parse_json(content.decode("utf-8"), f"{file}:{name}")
                log["samples"].append({k: v for k, v in sample.items() if k not in LARGE})
    return log
