"""What the rows of one signal were made under, beside the store's contract, and whether it is so
still.

A manifest holds the settings of every signal under ``settings``, by `settings_key`, before the
first row is written; every part carries the hash of the settings of its rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...estimators.signals.batch import Signal
from .contract import contract_of, differing, disagreement, shown
from .parts import Provenance

SETTINGS = "settings"
UNKNOWN = ""
"""In place of a hash: rows of a store whose schema did not record their settings."""


def settings_key(signal: Signal, variant: str = "", source: str = "") -> str:
    """The name in the manifest of what rows of a signal share: ``judgement complexity NAME``."""
    return " ".join(filter(None, (signal.value, variant, source)))


def settings_hash(settings: Mapping[str, Any]) -> str:
    """A hash of settings that does not depend on their order."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def settings_difference(
    manifest: Mapping[str, Any],
    signal: Signal,
    variant: str,
    source: str,
    wanted: Mapping[str, Any],
    whole: bool = True,
) -> str | None:
    """What differs between the settings that a manifest records and ``wanted``, in words; None
    where nothing does, or where nothing is recorded. ``whole``: ``wanted`` holds all of them."""
    stored = (manifest.get(SETTINGS) or {}).get(settings_key(signal, variant, source))
    whole = whole and stored is not None
    if stored is None:
        stored = _recorded_by_older_schemas(manifest, signal, source)
    changed = differing(stored, _plain(wanted), whole)
    prompts = changed.pop("prompts", None)
    found = [shown(changed)] if changed else []
    if prompts is not None:
        old, new = (side if isinstance(side, Mapping) else {} for side in prompts)
        names = differing(old, new, whole)
        found += [f"prompt template {name}" for name in names]
    return ", ".join(found) or None


def _plain(settings: Mapping[str, Any]) -> Any:
    """Settings as they come out of a manifest."""
    return json.loads(json.dumps(settings, default=str))


def _recorded_by_older_schemas(
    manifest: Mapping[str, Any], signal: Signal, source: str
) -> Mapping[str, Any]:
    """What a manifest of schema 1 or 2 says: sampling settings, prompts, and judges' arguments."""
    if signal is Signal.JUDGEMENT:
        judge = (manifest.get("judges") or {}).get(source)
        return judge if isinstance(judge, Mapping) else {}
    found: dict[str, Any] = {}
    if signal is Signal.SAMPLES:
        found |= manifest.get("sampling") or {}
    prompts = manifest.get("probe_prompts")
    return found | ({"prompts": prompts} if prompts else {})


def record_settings(
    manifest: dict[str, Any],
    signal: Signal,
    variant: str,
    source: str,
    settings: Mapping[str, Any],
) -> None:
    """Put a signal's settings into a manifest, which must be written before its first row."""
    manifest.setdefault(SETTINGS, {})[settings_key(signal, variant, source)] = _plain(settings)


def hash_of(manifest: Mapping[str, Any], signal: Signal, variant: str, source: str) -> str:
    """Hash of the settings that a manifest records for rows; UNKNOWN where it records none."""
    settings = (manifest.get(SETTINGS) or {}).get(settings_key(signal, variant, source))
    return UNKNOWN if settings is None else settings_hash(settings)


def hashes_of(
    manifest: Mapping[str, Any], signal: Signal, keys: Iterable[tuple[str, str]]
) -> dict[str, dict[str, list[str]]]:
    """Variant → source → the hash that a manifest records, as the parts of a signal say it."""
    found: dict[str, dict[str, list[str]]] = {}
    for variant, source in keys:
        found.setdefault(variant, {})[source] = [hash_of(manifest, signal, variant, source)]
    return found


def part_problem(part: Provenance, signal: Signal, manifest: Mapping[str, Any]) -> str | None:
    """Why a part does not belong into the store of a manifest, None where it does."""
    differs = disagreement(part.contract, contract_of(manifest))
    if differs is not None:
        return f"collected with another value of {differs}"
    for variant, sources in part.settings.items():
        for source, hashes in sources.items():
            now = hash_of(manifest, signal, variant, source)
            if now != UNKNOWN and any(one not in (UNKNOWN, now) for one in hashes):
                name = settings_key(signal, variant, source)
                return f"collected with other settings of {name} than the manifest records"
    own = (manifest.get("store") or {}).get("id")
    if part.store and own and part.store != own:
        return "written for another store"
    return None
