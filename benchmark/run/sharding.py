"""Several processes on one run: each takes a range of the questions, and nobody waits for nobody.

Process r of n collects the r-th part of every task's questions into a results folder of its own,
``<results>/shards/<r>-of-<n>``; ``merge`` puts them together when they are done. The processes do
not talk to each other, so that one that dies costs its own part alone, until it is started again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...estimators.signals.batch import Signal
from ..console.errors import ApprehendError, UsageError
from ..console.options import whole_number
from ..store import manifest as manifests
from ..store.contract import complete
from ..store.failures import note_failures, read_failures
from ..store.provenance import SETTINGS
from ..store.store_folder import MANIFEST
from ..store.task_store import TaskStore

if TYPE_CHECKING:
    from .families import Family
    from .run_options import RunOptions

ItemT = TypeVar("ItemT")
SHARDS = "shards"
MOST_SHARDS = 100_000
_LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Shard:
    """Part ``index`` of ``count``, counted from 0, on the machine's device ``local``."""

    index: int
    count: int
    local: int = 0

    @property
    def name(self) -> str:
        """The folder's name."""
        return f"{self.index:03d}-of-{self.count:03d}"

    def part(self, items: Sequence[ItemT]) -> list[ItemT]:
        """This shard's items: consecutive ones, so that all shards in a row are all items."""
        size = len(items)
        return list(items[size * self.index // self.count : size * (self.index + 1) // self.count])


def current_shard(text: str | None, environment: MutableMapping[str, str]) -> Shard | None:
    """The shard that ``--shard I/N`` names, or else the one of ``accelerate launch`` or torchrun.

    Their variables are taken out of ``environment``: the libraries below shall not wait for the
    other processes. Raises UsageError for a text that names none.
    """
    launched = {name: environment.pop(name, None) for name in _LAUNCHERS}
    local = _launched("LOCAL_RANK", launched, 0)
    if text is not None:
        index, _, count = text.partition("/")
        part, parts = whole_number(index), whole_number(count)
        if part is None or parts is None or not part < parts <= MOST_SHARDS:
            raise UsageError(
                f"--shard: expected I/N with I from 0 to N-1, e.g. 0/4, got {text!r}"
                + (f" (N is at most {MOST_SHARDS:,})" if (parts or 0) > MOST_SHARDS else "")
            )
        return Shard(part, parts, local)
    size, rank = _launched("WORLD_SIZE", launched, 1), _launched("RANK", launched, 0)
    return Shard(rank, size, local) if size > 1 else None


def _launched(name: str, variables: Mapping[str, str | None], default: int) -> int:
    text = variables[name]
    number = whole_number(text) if text else default
    if number is None:
        raise UsageError(f"{name} in the environment: expected a whole number, got {text!r}")
    return number


def device_of(shard: Shard, device: str | None) -> str | None:
    """The device of a shard's process: its own GPU where no other one is asked for."""
    import torch

    if device is not None or not torch.cuda.is_available():
        return device
    return f"cuda:{shard.local % torch.cuda.device_count()}"


def shard_path(results: Path, shard: Shard) -> Path:
    """The results folder of a shard."""
    return results / SHARDS / shard.name


def sharded(families: Sequence[Family], shard: Shard, results: Path) -> list[Family]:
    """The families with this shard's questions, in this shard's stores; empty ones left out."""
    found: list[Family] = []
    for family in families:
        items = [(task, q) for task in family.tasks for q in family.questions[task.name]]
        mine = shard.part(items)
        questions = {task.name: [q for owner, q in mine if owner is task] for task in family.tasks}
        store = TaskStore(shard_path(results, shard) / family.store.model / family.store.task)
        tasks = [task for task in family.tasks if questions[task.name]]
        if tasks:
            manifest = {**family.manifest, "costs": {}}
            found.append(
                replace(family, store=store, tasks=tasks, questions=questions, manifest=manifest)
            )
    return found


def copy_stored(family: Family, results: Path) -> None:
    """Copy what the results hold of the shard's questions: it need not be asked for again."""
    base = TaskStore(results / family.store.model / family.store.task)
    if not base.manifest:
        return
    manifests.check_agreement(base, family.manifest)
    known = set(base.question_ids)
    ids = [question for question in family.ids if question in known]
    if not ids:
        return
    rows = {row["question_id"]: row for row in base.questions.to_pylist()}
    family.store.add_questions([rows[question] for question in ids])
    family.store.write_manifest(family.manifest)
    for signal in Signal:
        _copy(base, family.store, signal, ids)


def _copy(source: TaskStore, target: TaskStore, signal: Signal, ids: Sequence[Any]) -> int:
    count = 0
    for variant, origins in source.variants(signal).items():
        for origin in origins:
            count += target.borrow(source, signal, variant, origin, ids)
    target.compact(signal)
    return count


def move_shards(results: Path) -> dict[Path, int]:
    """Move what all shards hold into the results; gives the stores' folders with their new rows.

    A row that is there already is not taken again, so that a merge that was interrupted can be
    repeated. Raises ApprehendError where a shard is still being written or was collected in
    another way, UsageError where there is none.
    """
    folders = sorted(path for path in (results / SHARDS).glob("*-of-*") if path.is_dir())
    if not folders:
        raise UsageError(f"{results}: no shards in {results / SHARDS}; nothing to merge")
    merged: dict[Path, int] = {}
    for folder in folders:
        for file in sorted(folder.glob(f"*/*/{MANIFEST}")):
            part = TaskStore(file.parent)
            store = TaskStore(results / part.model / part.task)
            merged[store.path] = merged.get(store.path, 0) + _merge(part, store)
        shutil.rmtree(folder)
    (results / SHARDS).rmdir()
    return merged


def _merge(part: TaskStore, store: TaskStore) -> int:
    with part.writing(), store.writing():
        theirs = part.manifest
        ours = store.manifest
        if ours:
            manifests.check_agreement(store, theirs)
        else:
            ours = {**theirs, "costs": {}}
        for what, amounts in theirs.get("costs", {}).items():
            manifests.add_cost(ours, what, **amounts)
        complete(ours, theirs)
        for section in ("judges", SETTINGS):
            _join(store, ours, theirs, section)
        store.add_questions(part.questions.to_pylist())
        store.write_manifest(ours)
        ids = part.question_ids
        count = sum(_copy(part, store, signal, ids) for signal in Signal)
        _check_complete(part, store)
        for row in read_failures(part.path):
            note_failures(
                store.path,
                Signal(row["signal"]),
                row["variant"],
                row["source"],
                [row["question_id"]],
                {row["question_id"]: row["reason"]},
            )
        # Costs are counted once: a shard that is merged again has none left.
        part.write_manifest({**theirs, "costs": {}})
    return count


def _join(store: TaskStore, ours: dict[str, Any], theirs: Mapping[str, Any], section: str) -> None:
    """Take over what only the shard's manifest says. Raises ApprehendError where both differ."""
    known: dict[str, object] = ours.setdefault(section, {})
    for name, value in (theirs.get(section) or {}).items():
        if section == SETTINGS and known.get(name, value) != value:
            raise ApprehendError(
                f"{store.path}: a shard's {name} was collected with other settings; delete the "
                "shard, or collect it into another --output_path"
            )
        known.setdefault(name, value)


def _check_complete(part: TaskStore, store: TaskStore) -> None:
    for signal in Signal:
        for variant, origins in part.variants(signal).items():
            for origin in origins:
                lost = part.done(signal, variant, origin) - store.done(signal, variant, origin)
                if lost:
                    raise ApprehendError(
                        f"{store.path}: {len(lost)} rows of {signal} {variant} from {part.path} "
                        "did not arrive; the shard is left as it is"
                    )


def with_device(options: RunOptions, shard: Shard) -> RunOptions:
    """Run options for a shard's process: its folder and its device."""
    path = shard_path(options.output_path, shard)
    device = device_of(shard, options.device) if options.model == "hf" else options.device
    return replace(options, output_path=path, device=device)
