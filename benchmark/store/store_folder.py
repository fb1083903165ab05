"""The folder of one model on one task: its manifest, its identity and its writer lock."""

from __future__ import annotations

import contextlib
import datetime
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ..console.errors import ApprehendError
from . import parts
from .contract import contract_of, upgraded
from .files import clear_leftovers, write_text
from .locking import locked
from .provenance import hashes_of

MANIFEST = "manifest.json"
SET_ASIDE = "set_aside"


class StoreFolder:
    """A store's folder, ``<model>/<task>/``, apart from the questions and signals in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest: Mapping[str, Any] | None = None
        self._id = ""

    @property
    def model(self) -> str:
        """Name of the model (the folder above)."""
        return self.path.parent.name

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.path.name

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest in this version's schema; empty if there is none yet.

        Raises ApprehendError if it is damaged or from a newer version.
        """
        file = self.path / MANIFEST
        if not file.is_file():
            return {}
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ApprehendError(f"{file}: not a readable manifest: {error}") from error
        if not isinstance(content, dict):
            raise ApprehendError(f"{file}: expected an object, got {type(content).__name__}")
        return upgraded(content, file)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest, adding the store's identity and the names of its folders."""
        owned = {**manifest, "store": {"id": self.id, "model": self.model, "task": self.task}}
        text = json.dumps(owned, indent=2, sort_keys=False, default=str, ensure_ascii=False)
        write_text(self.path / MANIFEST, text + "\n")
        self._manifest = None

    @property
    def id(self) -> str:
        """The store's identity, drawn at random when it is first written.

        Its parts, scores and manifest record it, so that those of other stores are recognized.
        """
        if not self._id:
            known = self._known_manifest.get("store") or {}
            self._id = str(known.get("id") or uuid.uuid4().hex)
        return self._id

    @property
    def _known_manifest(self) -> Mapping[str, Any]:
        """The manifest, read once."""
        if self._manifest is None:
            self._manifest = self.manifest
        return self._manifest

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Lock the store for writing, clean up after killed writers, and migrate an old store.

        Raises ApprehendError, naming the other writer, if there is one.
        """
        with self.writing_damaged():
            manifest = self.manifest
            for signal in Signal:
                parts.clean(self.signal_folder(signal))
                if manifest:
                    parts.adopt(self.signal_folder(signal))
            if manifest:
                self.write_manifest(manifest)
            yield

    @contextlib.contextmanager
    def writing_damaged(self) -> Iterator[None]:
        """Lock a store for writing that may be unreadable."""
        with locked(self.path):
            clear_leftovers(self.path)
            self.forget()
            yield

    def forget(self) -> None:
        """Drop everything cached from the disk."""
        self._manifest = None

    def set_aside(self, paths: Iterable[Path]) -> Path:
        """Move files or folders of the store aside, and return the folder that they are in now."""
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
        folder = self.path / SET_ASIDE / stamp
        for path in paths:
            target = folder / path.relative_to(self.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        self.forget()
        return folder

    @property
    def contract(self) -> Mapping[str, Any]:
        """The settings that all signals of the store share, from the manifest."""
        return contract_of(self._known_manifest)

    def provenance(self, signal: Signal, keys: Iterable[tuple[str, str]] = ()) -> parts.Provenance:
        """Return the provenance of a new part with these variants and sources of a signal."""
        settings = hashes_of(self._known_manifest, signal, keys)
        return parts.Provenance(self.id, self.contract, settings)

    def signal_folder(self, signal: Signal) -> Path:
        """Return the folder with the parts of a signal."""
        return self.path / "signals" / signal.value

    def part_files(self, signal: Signal) -> list[Path]:
        """Return the Parquet parts of a signal."""
        return parts.part_files(self.signal_folder(signal))
