"""The settings that all signals of a store must share, and the migration of older manifests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..console.errors import ApprehendError
from ..console.masking import mask_arguments, mask_command
from .manifest_shape import check_shape

SCHEMA_VERSION = 5
CONTRACT: dict[str, str] = {
    "model.engine": "--model",
    "model.model": "the model's name at its endpoint",
    "model.revision": "the model's revision",
    "model.fingerprint": "the model's weights or tokenizer",
    "model.files": "the model's files",
    "model.dtype": "the model's dtype",
    "model.requested_dtype": "the model's dtype",
    "model.settings": "--model_args",
    "model.logprobs_mode": "the kind of log-probabilities (raw or processed)",
    "model.top_logprobs": "how many log-probabilities the endpoint grants",
    "task.version": "the task's version",
    "task.num_fewshot": "--num_fewshot",
    "task.examples": "the few-shot examples (--fewshot_data)",
    "task.fewshot_seed": "--seed of the few-shot examples",
    "task.apply_chat_template": "--apply_chat_template",
    "task.system_instruction": "--system_instruction",
    "task.prompts": "the prompt templates",
    "task.rendered": "the task's prompts (--include_path)",
    "task.generation": "the generation settings",
    "task.extraction": "--extraction",
    "task.thinking_budget": "--thinking_budget",
    "task.request_fields": "the fields of requests (--gen_kwargs)",
    "task.as_letters": "--as_letters",
    "task.normalization": "--normalization",
    "data.fingerprint": "the questions",
    "data.topics": "the questions' topics",
}
"""Path in the manifest → its name in messages. Only paths that both sides have are compared, since
manifests of older schemas lack some."""

BY_NAME = frozenset({"task.rendered"})
"""Paths with one value per name (of a task); names that one side lacks are ignored."""

_ABSENT = object()


def lookup(manifest: Mapping[str, Any], path: str, default: object = None) -> object:
    """Return the value at a dotted path of a manifest."""
    value: object = manifest
    for part in path.split("."):
        value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
    return default if value is _ABSENT else value


def contract_of(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the settings of a manifest that signals must share, by path."""
    values = {path: lookup(manifest, path, _ABSENT) for path in CONTRACT}
    return {path: value for path, value in values.items() if value is not _ABSENT}


def complete(manifest: dict[str, Any], wanted: Mapping[str, Any]) -> None:
    """Fill in what ``manifest`` lacks of the contract from ``wanted``."""
    for path in CONTRACT:
        value = lookup(wanted, path, _ABSENT)
        section, name = path.split(".")
        if value is _ABSENT or not isinstance(manifest.setdefault(section, {}), dict):
            continue
        known = manifest[section].setdefault(name, value)
        if path in BY_NAME and isinstance(known, Mapping) and isinstance(value, Mapping):
            manifest[section][name] = {**value, **known}


def disagreement(stored: Mapping[str, object], wanted: Mapping[str, object]) -> str | None:
    """Describe all differences of two contracts, with both values; None if they agree."""
    differences = []
    for path, name in CONTRACT.items():
        if path not in stored or path not in wanted or stored[path] == wanted[path]:
            continue
        old, new = stored[path], wanted[path]
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed = differing(old, new, whole=path not in BY_NAME)
            if changed:
                differences.append(f"{name} ({shown(changed)})")
        else:
            differences.append(f"{name} (stored: {old!r}, now: {new!r})")
    return ", ".join(differences) or None


def differing(
    stored: Mapping[str, object], wanted: Mapping[str, object], whole: bool = True
) -> dict[str, tuple[object, object]]:
    """Return the names whose values differ, with both values.

    A name that one side lacks counts as None if both are ``whole``, and is ignored if one of them
    may be incomplete.
    """
    names = [*stored, *(name for name in wanted if name not in stored)]
    if not whole:
        names = [name for name in names if name in stored and name in wanted]
    pairs = {name: (stored.get(name), wanted.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def shown(changed: Mapping[str, tuple[object, object]]) -> str:
    """Describe differing values."""
    return ", ".join(f"{name}: stored {old!r}, now {new!r}" for name, (old, new) in changed.items())


def upgraded(manifest: dict[str, Any], file: Path) -> dict[str, Any]:
    """Migrate a manifest to the newest schema.

    Raises ApprehendError if a newer version of this program wrote it, or if its structure is
    invalid.
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
    """Mask the command and the judges' arguments, which version 1 kept as typed."""
    migrated = {**manifest, "schema_version": 2}
    if isinstance(migrated.get("command"), list):
        migrated["command"] = mask_command([str(word) for word in migrated["command"]])
    if isinstance(migrated.get("judges"), dict):
        migrated["judges"] = {
            name: _masked(judge) if isinstance(judge, dict) else judge
            for name, judge in migrated["judges"].items()
        }
    return migrated


def _masked(judge: Mapping[str, object]) -> dict[str, object]:
    texts = {name: value for name, value in judge.items() if isinstance(value, str)}
    return {**judge, **mask_arguments(texts)}


def _from_2(manifest: dict[str, Any]) -> dict[str, Any]:
    """Raise the version number: 2 recorded neither the owner nor the settings of single signals."""
    return {**manifest, "schema_version": 3}


def _from_3(manifest: dict[str, Any]) -> dict[str, Any]:
    """Name the rule by which versions before 4 read answers: the marker alone."""
    migrated = {**manifest, "schema_version": 4}
    if isinstance(manifest.get("task"), dict):
        migrated["task"] = {"extraction": "strict", **manifest["task"]}
    return migrated


def _from_4(manifest: dict[str, Any]) -> dict[str, Any]:
    """Raise the version number: ids are text, and files with numbers are read as such."""
    return {**manifest, "schema_version": 5}


_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: _from_1,
    2: _from_2,
    3: _from_3,
    4: _from_4,
}
