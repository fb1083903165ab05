"""Bundles: scores, manifests and metrics of stored results in one file that can be checked."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ...reports import compute_metrics, csv_text, undefused
from ..console.errors import ApprehendError
from ..reporting.report_building import stores_at
from ..store.checks.ownership import SCORES
from ..store.names import folder_name
from ..store.store_folder import MANIFEST
from ..store.task_store import QUESTIONS, TaskStore
from .bundle_archive import Archive, read_archive, write_archive
from .scored_input import scored_input

STRATA = "strata.parquet"
STORE_FILES = frozenset((MANIFEST, QUESTIONS, SCORES, STRATA))
METRICS = "metrics.csv"
KEY = ("model", "task", "estimator", "topic")
_TEXTS = ("question", "options")
_LOCAL = frozenset(("command",))
"""Parts of a manifest that name folders of the machine; they stay at home."""
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12
"""Within which a recomputed metric must equal the stated one."""


@dataclass(frozen=True)
class Bundle:
    """An opened bundle.

    Attributes:
        path: The archive.
        stores: Its stores, without signals.
        metrics: Its metrics, recomputed from its scores and equal to those that it states.
        replicates, seed: Of the bootstrap behind its intervals.
    """

    path: Path
    stores: Sequence[TaskStore]
    metrics: pd.DataFrame
    replicates: int
    seed: int


def export_bundle(
    paths: Sequence[Path],
    output_path: Path,
    texts: bool = False,
    replicates: int = 1000,
    seed: int = 0,
) -> list[TaskStore]:
    """Write a bundle of results folders, models' folders, or both.

    Per store: the manifest, the scores, the strata, and the questions' ids, topics and right
    answers; and ``metrics.csv`` of all. The same results give the same bytes.

    Args:
        paths: What to export.
        output_path: The archive, replaced if it exists.
        texts: Whether the texts of questions and options go with them.
        replicates: Bootstrap replicates behind each interval of the metrics.
        seed: Seed of the bootstrap.

    Returns the exported stores.
    """
    stores = stores_at(paths)
    metrics = compute_metrics(scored_input(stores), replicates=replicates, seed=seed)
    files = {METRICS: csv_text(metrics).encode()}
    for store in stores:
        inside = f"{store.model}/{store.task}"
        about = {key: value for key, value in store.manifest.items() if key not in _LOCAL}
        manifest = json.dumps(about, indent=2, ensure_ascii=False, default=str)
        files[f"{inside}/{MANIFEST}"] = (manifest + "\n").encode()
        files[f"{inside}/{QUESTIONS}"] = _questions(store, texts)
        for name in (SCORES, STRATA):
            files[f"{inside}/{name}"] = (store.path / name).read_bytes()
    contents = {
        "stores": [[store.model, store.task, len(store.question_ids)] for store in stores],
        **{"texts": texts, "replicates": replicates, "seed": seed},
    }
    write_archive(output_path, Archive(contents, files))
    return stores


def _questions(store: TaskStore, texts: bool) -> bytes:
    """Return the questions as a Parquet file, without their texts unless wanted."""
    table = store.questions
    for name in () if texts else _TEXTS:
        if name in table.column_names:
            place = table.column_names.index(name)
            kind = table.schema.field(place).type
            table = table.set_column(place, name, pa.nulls(len(table), kind))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


@contextlib.contextmanager
def opened_bundle(path: Path) -> Iterator[Bundle]:
    """Unpack and check a bundle; what is unpacked is deleted afterwards.

    Raises ApprehendError if a file in it is damaged, changed or missing, or if its metrics are not
    those of its scores.
    """
    archive = read_archive(path)
    replicates, seed = (_whole(path, archive.about, name) for name in ("replicates", "seed"))
    stated = archive.files.get(METRICS)
    if stated is None:
        raise ApprehendError(f"{path}: holds no {METRICS}; the bundle is refused")
    with tempfile.TemporaryDirectory(prefix="apprehend-") as folder:
        stores = _unpacked(path, archive.files, Path(folder))
        try:
            metrics = compute_metrics(scored_input(stores, False), "all", replicates, seed)
        except ApprehendError as error:
            told = str(error).replace(f"{folder}/", "")
            raise ApprehendError(f"{path}: {told}; the bundle is refused") from error
        except (ValueError, KeyError) as error:
            raise ApprehendError(f"{path}: {error}; the bundle is refused") from error
        _compare(path, stated, metrics)
        yield Bundle(path, stores, metrics, replicates, seed)


def _whole(path: Path, about: Mapping[str, Any], name: str) -> int:
    value = about.get(name)
    if not isinstance(value, int) or not 0 <= value < 2**32 or (name == "replicates" and not value):
        raise ApprehendError(f"{path}: {name} is {value!r}; the bundle is refused")
    return value


def _unpacked(path: Path, files: Mapping[str, bytes], folder: Path) -> list[TaskStore]:
    """Write the stores of a bundle below ``folder``."""
    found: dict[tuple[str, str], set[str]] = {}
    for name, content in files.items():
        if name == METRICS:
            continue
        parts = name.split("/")
        if len(parts) != 3 or parts[2] not in STORE_FILES or not all(map(_is_safe, parts)):
            raise ApprehendError(f"{path}: {name!r} is no file of a bundle; the bundle is refused")
        model, task, last = parts
        found.setdefault((model, task), set()).add(last)
        target = folder / model / task / last
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for (model, task), names in found.items():
        if missing := sorted(STORE_FILES - names):
            raise ApprehendError(f"{path}: {model}/{task} lacks {missing[0]}; export it again")
    if not found:
        raise ApprehendError(f"{path}: holds no results; export it again")
    return [TaskStore(folder / model / task) for model, task in found]


def _is_safe(part: str) -> bool:
    return folder_name(part) == part


def _compare(path: Path, stated: bytes, metrics: pd.DataFrame) -> None:
    """Raise ApprehendError where stated metrics are not those of the scores."""
    theirs = _read(path, stated)
    ours = _read(path, csv_text(metrics).encode())
    if not ours.index.equals(theirs.index):
        other = ours.index.symmetric_difference(theirs.index)
        what = " ".join(map(str, other[0])) if len(other) else "the order of rows"
        raise ApprehendError(
            f"{path}: {METRICS} does not state the metrics of its scores ({what}); the bundle is "
            "refused"
        )
    for name in ours.columns.intersection(theirs.columns):
        mine, said = ours[name], theirs[name]
        if pd.api.types.is_numeric_dtype(mine) and pd.api.types.is_numeric_dtype(said):
            equal = np.isclose(
                mine.astype(float), said.astype(float), _RELATIVE, _ABSOLUTE, equal_nan=True
            )
        else:
            equal = (mine.astype(object).fillna("") == said.astype(object).fillna("")).to_numpy()
        if not equal.all():
            row = int((~equal).argmax())
            raise ApprehendError(
                f"{path}: {METRICS} states {name} = {said.iloc[row]} of "
                f"{' '.join(map(str, ours.index[row]))}, its scores give {mine.iloc[row]}; the "
                "bundle is refused"
            )


def _read(path: Path, content: bytes) -> pd.DataFrame:
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=dict.fromkeys(KEY, str))
        named: pd.DataFrame = frame.assign(**{n: frame[n].map(undefused) for n in KEY})
        return named.set_index(list(KEY))
    except (ValueError, KeyError, pd.errors.ParserError) as error:
        raise ApprehendError(f"{path}: {METRICS} is not readable: {error}") from error
