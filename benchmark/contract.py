"""What every signal of a store must agree on, and how older manifests are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import ApprehendError
from .manifest_shape import check_shape
from .masking import mask_arguments, mask_command

SCHEMA_VERSION = 2
CONTRACT: dict[str, str] = {
    "model.engine": "--model",
    "model.model": "the model's name at its endpoint",
    "model.revision": "the model's revision",
    "model.fingerprint": "the model's weights or tokenizer",
    "model.dtype": "the model's dtype",
    "model.logprobs_mode": "the kind of log-probabilities (raw or processed)",
    "task.version": "the task's version",
    "task.num_fewshot": "--num_fewshot",
    "task.apply_chat_template": "--apply_chat_template",
    "task.system_instruction": "--system_instruction",
    "task.prompts": "the prompt templates",
    "data.fingerprint": "the questions",
}
"""Path in the manifest → what to call it. Only what both sides know is compared."""

_ABSENT = object()


def lookup(manifest: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """The value at a dotted path of a manifest."""
    value: Any = manifest
    for part in path.split("."):
        value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
    return default if value is _ABSENT else value


def contract_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a manifest that signals must agree on, by path."""
    found = {path: lookup(manifest, path, _ABSENT) for path in CONTRACT}
    return {path: value for path, value in found.items() if value is not _ABSENT}


def disagreement(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """What two contracts disagree on, in words with both values; None where they agree."""
    for path, name in CONTRACT.items():
        if path in stored and path in wanted and stored[path] != wanted[path]:
            old, new = stored[path], wanted[path]
            shown = "" if isinstance(new, Mapping) else f" (stored: {old!r}, now: {new!r})"
            return name + shown
    return None


def upgraded(manifest: dict[str, Any], file: Path) -> dict[str, Any]:
    """The manifest in the newest schema.

    Raises ApprehendError where a newer version of this program wrote it, or where it is not of the
    shape of one.
    """
    version = manifest.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ApprehendError(
            f"{file}: not a readable manifest: expected schema_version 1 to {SCHEMA_VERSION}, "
            f"got {version!r}"
        )
    if version > SCHEMA_VERSION:
        raise ApprehendError(
            f"{file}: written by a newer apprehend (schema version {version}; this one reads up "
            f"to {SCHEMA_VERSION}); update apprehend, or use another --output_path"
        )
    for step in range(version, SCHEMA_VERSION):
        manifest = _STEPS[step](manifest)
    check_shape(manifest, file)
    return {"judges": {}, "costs": {}, **manifest}


def _from_1(manifest: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept the command and the judges' arguments as they were typed."""
    found = {**manifest, "schema_version": 2}
    if isinstance(found.get("command"), list):
        found["command"] = mask_command([str(word) for word in found["command"]])
    if isinstance(found.get("judges"), dict):
        found["judges"] = {
            name: _masked(judge) if isinstance(judge, dict) else judge
            for name, judge in found["judges"].items()
        }
    return found


def _masked(judge: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: value for name, value in judge.items() if isinstance(value, str)}
    return {**judge, **mask_arguments(texts)}


_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
