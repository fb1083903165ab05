"""The manifest: everything needed to repeat a run, and what must not change when it resumes."""

from __future__ import annotations

import datetime
import hashlib
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ...estimators.signals.batch import Signal
from ..console.errors import UsageError
from ..console.masking import mask_command
from .contract import SCHEMA_VERSION, contract_of, disagreement
from .provenance import settings_difference, settings_key
from .task_store import TaskStore

PACKAGES = ("apprehend", "lm_eval", "torch", "transformers", "datasets", "numpy", "pyarrow")


def now() -> str:
    """Return the current time in UTC, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that affect numbers."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def text_hash(text: str) -> str:
    """Return the hash of a prompt template."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def command_line() -> list[str]:
    """Return the command as typed, without keys and passwords."""
    return ["apprehend", *mask_command(sys.argv[1:])]


def new_manifest(
    model: Mapping[str, Any], task: Mapping[str, Any], data: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """Return a manifest for a store that has none."""
    return {
        "schema_version": SCHEMA_VERSION,
        "created": now(),
        "updated": now(),
        "model": dict(model),
        "task": dict(task),
        "data": dict(data),
        "packages": package_versions(),
        "command": command_line(),
        "judges": {},
        "costs": {},
        **more,
    }


KEEP_BOTH = "to keep both, use another --output_path or --model_name"


def check_agreement(store: TaskStore, wanted: Mapping[str, Any]) -> None:
    """Raise UsageError if the store was collected under other settings than ``wanted``."""
    stored = store.manifest
    if stored.get("imported"):
        raise UsageError(
            f"{store.path} holds imported answers; use another --output_path or --model_name"
        )
    differs = disagreement(contract_of(stored), contract_of(wanted))
    if differs is not None:
        raise UsageError(
            f"{store.path}: its signals were collected with another value of {differs}; {KEEP_BOTH}"
        )


def check_settings(
    store: TaskStore,
    signal: Signal,
    variant: str,
    source: str,
    wanted: Mapping[str, Any],
    whole: bool = True,
) -> None:
    """Raise UsageError if stored rows of a signal were collected under other settings.

    With ``whole``, ``wanted`` has all settings, so that one that it lacks is a difference too.
    """
    differs = settings_difference(store.manifest, signal, variant, source, wanted, whole)
    if differs is None:
        return
    keep = "give this one a name with --judge_name" if source else KEEP_BOTH
    raise UsageError(
        f"{store.path}: its {settings_key(signal, variant, source)} was collected with other "
        f"settings ({differs}); {keep}"
    )


def add_cost(manifest: dict[str, Any], what: str, **amounts: float) -> None:
    """Add seconds, questions, tokens and the like to an entry of the manifest's costs."""
    line = manifest.setdefault("costs", {}).setdefault(what, {})
    for name, amount in amounts.items():
        line[name] = round(line.get(name, 0) + amount, 3)
