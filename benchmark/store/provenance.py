"""Settings under which the rows of one signal were collected, beyond the store's contract.

A manifest records the settings of every signal under ``settings``, by `settings_key`, before the
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
"""Instead of a hash, for rows of a store whose schema did not record their settings."""


def settings_key(signal: Signal, variant: str = "", source: str = "") -> str:
    """Return the manifest's key for the settings of some rows: ``judgement complexity NAME``."""
    return " ".join(filter(None, (signal.value, variant, source)))


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Return a hash of settings that does not depend on their order."""
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
    """Describe how the settings that a manifest records differ from ``wanted``.

    Args:
        manifest: the manifest.
        signal: the signal, with ``variant`` and ``source`` of the rows.
        variant: see ``signal``.
        source: see ``signal``.
        wanted: the settings of this run.
        whole: whether ``wanted`` has all settings, rather than some of them.

    Returns:
        The differences in words; None if there are none, or if nothing is recorded.
    """
    stored = (manifest.get(SETTINGS) or {}).get(settings_key(signal, variant, source))
    whole = whole and stored is not None
    if stored is None:
        stored = _recorded_by_older_schemas(manifest, signal, source)
    changed = differing(stored, _plain(wanted), whole)
    prompts = changed.pop("prompts", None)
    differences = [shown(changed)] if changed else []
    if prompts is not None:
        old, new = (side if isinstance(side, Mapping) else {} for side in prompts)
        names = differing(old, new, whole)
        differences += [f"prompt template {name}" for name in names]
    return ", ".join(differences) or None


def _plain(settings: Mapping[str, Any]) -> Any:
    """Return settings as they would be read from a manifest."""
    return json.loads(json.dumps(settings, default=str))


def _recorded_by_older_schemas(
    manifest: Mapping[str, Any], signal: Signal, source: str
) -> Mapping[str, Any]:
    """Read the settings in a manifest of schema 1 or 2: sampling, prompts, judges' arguments."""
    if signal is Signal.JUDGEMENT:
        judge = (manifest.get("judges") or {}).get(source)
        return judge if isinstance(judge, Mapping) else {}
    settings: dict[str, Any] = {}
    if signal is Signal.SAMPLES:
        settings |= manifest.get("sampling") or {}
    prompts = manifest.get("probe_prompts")
    return settings | ({"prompts": prompts} if prompts else {})


def record_settings(
    manifest: dict[str, Any],
    signal: Signal,
    variant: str,
    source: str,
    settings: Mapping[str, Any],
) -> None:
    """Record a signal's settings in a manifest, which must be written before its first row."""
    manifest.setdefault(SETTINGS, {})[settings_key(signal, variant, source)] = _plain(settings)


def hash_of(manifest: Mapping[str, Any], signal: Signal, variant: str, source: str) -> str:
    """Return the hash of the settings recorded for rows; UNKNOWN if none are."""
    settings = (manifest.get(SETTINGS) or {}).get(settings_key(signal, variant, source))
    return UNKNOWN if settings is None else settings_hash(settings)


def hashes_of(
    manifest: Mapping[str, Any], signal: Signal, keys: Iterable[tuple[str, str]]
) -> dict[str, dict[str, list[str]]]:
    """Return variant → source → the recorded hash, in the form that parts carry."""
    hashes: dict[str, dict[str, list[str]]] = {}
    for variant, source in keys:
        hashes.setdefault(variant, {})[source] = [hash_of(manifest, signal, variant, source)]
    return hashes


def part_problem(part: Provenance, signal: Signal, manifest: Mapping[str, Any]) -> str | None:
    """Return why a part does not belong to the store of a manifest; None if it does."""
    differs = disagreement(part.contract, contract_of(manifest))
    if differs is not None:
        return f"collected with another value of {differs}"
    for variant, sources in part.settings.items():
        for source, hashes in sources.items():
            now = hash_of(manifest, signal, variant, source)
            if now != UNKNOWN and any(known not in (UNKNOWN, now) for known in hashes):
                name = settings_key(signal, variant, source)
                return f"collected with other settings of {name} than the manifest records"
    own = (manifest.get("store") or {}).get("id")
    if part.store and own and part.store != own:
        return "written for another store"
    return None
