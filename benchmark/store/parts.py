"""Part files: Parquet files of signals that record their owner and a checksum.

A part's name ends in a checksum of its bytes. Its metadata record the signal, the identity and the
contract of the store that it was written for, and hashes of the settings under which its rows were
collected. All of it appears atomically.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ...estimators.signals.batch import Signal
from ..console.errors import ApprehendError, first_line
from .arrow import ID_TYPE, KEYS, signal_schema, with_text_ids
from .files import clear_leftovers, file_checksum, publish, temporary_file

PART_NAME = re.compile(
    r"part-\d+-\d+-(?P<kind>\d+|merged)(?:-(?P<checksum>[0-9a-f]{16}))?\.parquet"
)
_CHECKSUM_LENGTH = 16
_SIGNAL, _CONTRACT, _REPLACES = b"apprehend.signal", b"apprehend.contract", b"apprehend.replaces"
_STORE, _SETTINGS = b"apprehend.store", b"apprehend.settings"
REPAIR = "`apprehend verify RESULTS --repair` sets it aside"
Contract = Mapping[str, Any]


@dataclass(frozen=True)
class Provenance:
    """Where the rows of a part come from.

    Attributes:
        store: identity of the store that it was written for; empty in parts of schema 1 and 2.
        contract: the settings that all signals of that store share.
        settings: variant → source → hashes of the settings under which its rows were collected.
    """

    store: str = ""
    contract: Contract = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


def part_files(folder: Path) -> list[Path]:
    """Return the parts of a signal in the order of writing, without those merged into another."""
    files = sorted(folder.glob("part-*.parquet")) if folder.is_dir() else []
    gone = _replaced(files)
    return [file for file in files if _stem(file.name) not in gone]


def clean(folder: Path) -> None:
    """Delete what a killed writer left: incomplete files, and parts that were merged."""
    files = sorted(folder.glob("part-*.parquet"))
    gone = _replaced(files)
    for file in files:
        if _stem(file.name) in gone:
            file.unlink(missing_ok=True)
    clear_leftovers(folder)


def _replaced(files: Sequence[Path]) -> set[str]:
    """Return the names, without checksums, of the parts that merged parts contain."""
    merged = [file for file in files if "-merged" in file.name]
    metadata = (read_schema(file).metadata or {} for file in merged)
    return {_stem(name) for known in metadata for name in json.loads(known.get(_REPLACES, b"[]"))}


def _stem(name: str) -> str:
    """Return a part's name without its checksum, which an older store's parts get later."""
    match = PART_NAME.fullmatch(name)
    checksum = match and match.group("checksum")
    return name.replace(f"-{checksum}", "") if checksum else name


def write_part(folder: Path, kind: str, write: Callable[[Path], None]) -> Path:
    """Let ``write`` write a part, and move it into ``folder`` under a name with its checksum."""
    name = f"part-{time.time_ns():020d}-{os.getpid()}-{kind}"
    with temporary_file(folder / f"{name}.parquet") as temporary:
        write(temporary)
        checksum = file_checksum(temporary)[:_CHECKSUM_LENGTH]
        path = folder / f"{name}-{checksum}.parquet"
        publish(temporary, path)
    return path


def append_part(
    folder: Path, number: int, table: pa.Table, signal: Signal, provenance: Provenance
) -> Path:
    """Write a table as a new part."""
    marked = table.replace_schema_metadata(_metadata(signal, provenance))
    return write_part(folder, f"{number:06d}", lambda path: _write(path, marked))


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def _metadata(
    signal: Signal, provenance: Provenance, replaces: Sequence[str] = ()
) -> dict[bytes, bytes]:
    contract = json.dumps(dict(provenance.contract), sort_keys=True, ensure_ascii=False)
    metadata = {
        _SIGNAL: signal.value.encode(),
        _STORE: provenance.store.encode(),
        _CONTRACT: contract.encode("utf-8", "replace"),
        _SETTINGS: json.dumps(provenance.settings, ensure_ascii=False).encode("utf-8", "replace"),
    }
    if replaces:
        metadata[_REPLACES] = json.dumps(list(replaces)).encode()
    return metadata


def merge_parts(
    folder: Path,
    signal: Signal,
    provenance: Provenance,
    keep: Callable[[pa.Table], pa.Table] | None = None,
) -> None:
    """Merge the parts of a signal into one with a row group for each, in constant memory.

    Args:
        folder: the folder of the signal.
        signal: the signal.
        provenance: provenance of the merged part, except for the settings, which the parts record.
        keep: selects the rows to keep of each part; all by default.

    Raises:
        ApprehendError: a part is damaged; then nothing is changed.
    """
    files = part_files(folder)
    if len(files) < 2 and keep is None:
        return
    schema = signal_schema(signal)
    merged = replace(provenance, settings=_settings_of(files))
    marked = schema.with_metadata(_metadata(signal, merged, [file.name for file in files]))

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, marked, compression="zstd", write_page_checksum=True) as writer:
            for file in files:
                check_bytes(file)
                rows = _conformed(read_parquet(file), schema)
                writer.write_table(rows if keep is None else keep(rows))

    write_part(folder, "merged", write)
    clean(folder)


def _settings_of(files: Sequence[Path]) -> dict[str, dict[str, list[str]]]:
    """Collect variant → source → hashes of the settings of all rows of these parts."""
    settings: dict[str, dict[str, list[str]]] = {}
    for file in files:
        known = part_provenance(read_schema(file)).settings
        if not known:  # written before settings were recorded
            keys = {(variant, source) for _, variant, source in read_keys(file)}
            known = {variant: {source: [""]} for variant, source in keys}
        for variant, sources in known.items():
            for source, hashes in sources.items():
                together = settings.setdefault(variant, {}).setdefault(source, [])
                together += [known_hash for known_hash in hashes if known_hash not in together]
    return settings


def _conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with all columns of ``schema``; those that it lacks are null."""
    columns = {
        field.name: table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    }
    return pa.table(columns, schema=schema)


def name_checksum(file: Path) -> str | None:
    """Return the checksum in a part's name; None for a part of schema 1."""
    match = PART_NAME.fullmatch(file.name)
    return match.group("checksum") if match else None


def check_bytes(file: Path) -> None:
    """Raise ApprehendError if a part's bytes have changed since it was written."""
    checksum = name_checksum(file)
    if checksum is not None and file_checksum(file)[:_CHECKSUM_LENGTH] != checksum:
        raise ApprehendError(f"{file}: changed after it was written (wrong checksum); {REPAIR}")


def adopt(folder: Path) -> None:
    """Add checksums to the names of parts of schema 1."""
    for file in part_files(folder):
        if name_checksum(file) is None and PART_NAME.fullmatch(file.name):
            read_parquet(file)
            checksum = file_checksum(file)[:_CHECKSUM_LENGTH]
            file.rename(file.with_name(f"{file.stem}-{checksum}.parquet"))


def part_signal(schema: pa.Schema) -> str | None:
    """Return the signal that a part's metadata name, if any."""
    value = (schema.metadata or {}).get(_SIGNAL)
    return None if value is None else str(value.decode())


def part_provenance(schema: pa.Schema) -> Provenance:
    """Return the provenance in a part's metadata, with empty fields where there is none."""
    metadata = schema.metadata or {}
    return Provenance(
        metadata.get(_STORE, b"").decode("utf-8", "replace"),
        _mapping(metadata.get(_CONTRACT)),
        _mapping(metadata.get(_SETTINGS)),
    )


def _mapping(text: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_parquet(
    file: Path, columns: list[str] | None = None, dictionary: list[str] | None = None
) -> pa.Table:
    """Read a file's rows, the columns in ``dictionary`` as dictionaries.

    Raises ApprehendError if the file is truncated or damaged.
    """
    try:
        return with_text_ids(
            pq.read_table(
                file,
                columns=columns,
                partitioning=None,
                page_checksum_verification=True,
                read_dictionary=dictionary,
            )
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(file, error) from error


def read_schema(file: Path) -> pa.Schema:
    """Read a file's schema. Raises ApprehendError if it is truncated or damaged."""
    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> ApprehendError:
    return ApprehendError(f"{file}: not a readable Parquet file ({first_line(error)}); {REPAIR}")


def read_keys(file: Path) -> list[tuple[Any, str, str]]:
    """Read (question_id, variant, source) of every row of a part."""
    keys = read_parquet(file, columns=list(KEYS))
    return list(zip(*(keys.column(name).to_pylist() for name in KEYS), strict=True))


def read_rows(
    files: Sequence[Path], schema: pa.Schema, chosen: Any, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read the rows of parts that match the Arrow expression ``chosen``, verifying checksums.

    With ``columns`` only these are read, in this order.
    """
    older = [file for file in files if read_schema(file).field("question_id").type != ID_TYPE]
    if older:
        tables = [_conformed(read_parquet(file), schema).filter(chosen) for file in files]
        rows = pa.concat_tables(tables)
        return rows if columns is None else rows.select(list(columns))
    scan = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    form = ds.ParquetFileFormat(default_fragment_scan_options=scan)
    try:
        return ds.dataset([str(f) for f in files], schema=schema, format=form).to_table(
            columns=None if columns is None else list(columns), filter=chosen
        )
    except (pa.ArrowException, OSError) as error:
        for file in files:
            read_parquet(file)  # raises the error that names the damaged one
        raise ApprehendError(f"{files[0].parent}: cannot be read: {error}") from error
