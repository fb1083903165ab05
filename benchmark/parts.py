"""Part files: Parquet files of signals that say whose they are and whether they are whole.

A part's name ends in a checksum of its bytes, and its metadata hold the signal and the contract of
the store that it was written for. Both are written with the part in one move.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ..estimators.signals import Signal
from .arrow import KEYS, signal_schema
from .errors import ApprehendError
from .files import clear_leftovers, file_checksum, publish, temporary_file

PART_NAME = re.compile(
    r"part-\d+-\d+-(?P<kind>\d+|merged)(?:-(?P<checksum>[0-9a-f]{16}))?\.parquet"
)
_CHECKSUM_LENGTH = 16
_SIGNAL, _CONTRACT, _REPLACES = b"apprehend.signal", b"apprehend.contract", b"apprehend.replaces"
REPAIR = "`apprehend verify RESULTS --repair` sets it aside"
Contract = Mapping[str, Any]


def part_files(folder: Path) -> list[Path]:
    """The parts of a signal in the order of writing, without those that were merged into one."""
    files = sorted(folder.glob("part-*.parquet")) if folder.is_dir() else []
    gone = _replaced(files)
    return [file for file in files if _stem(file.name) not in gone]


def clean(folder: Path) -> None:
    """Delete what a killed writer left: half-written files, and parts that were merged."""
    files = sorted(folder.glob("part-*.parquet"))
    gone = _replaced(files)
    for file in files:
        if _stem(file.name) in gone:
            file.unlink(missing_ok=True)
    clear_leftovers(folder)


def _replaced(files: Sequence[Path]) -> set[str]:
    """Names, without checksums, of the parts that merged parts say to hold."""
    merged = [file for file in files if "-merged" in file.name]
    metadata = (read_schema(file).metadata or {} for file in merged)
    return {_stem(name) for found in metadata for name in json.loads(found.get(_REPLACES, b"[]"))}


def _stem(name: str) -> str:
    """A part's name without its checksum, which an older store's parts get later."""
    found = PART_NAME.fullmatch(name)
    checksum = found and found.group("checksum")
    return name.replace(f"-{checksum}", "") if checksum else name


def write_part(folder: Path, kind: str, write: Callable[[Path], None]) -> Path:
    """Have ``write`` write a part, and move it into ``folder`` under a name with its checksum."""
    name = f"part-{time.time_ns():020d}-{os.getpid()}-{kind}"
    with temporary_file(folder / f"{name}.parquet") as temporary:
        write(temporary)
        checksum = file_checksum(temporary)[:_CHECKSUM_LENGTH]
        path = folder / f"{name}-{checksum}.parquet"
        publish(temporary, path)
    return path


def append_part(
    folder: Path, number: int, table: pa.Table, signal: Signal, contract: Contract
) -> Path:
    """Write a table as a new part."""
    marked = table.replace_schema_metadata(_metadata(signal, contract))
    return write_part(folder, f"{number:06d}", lambda path: _write(path, marked))


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def _metadata(
    signal: Signal, contract: Contract, replaces: Sequence[str] = ()
) -> dict[bytes, bytes]:
    found = {
        _SIGNAL: signal.value.encode(),
        _CONTRACT: json.dumps(dict(contract), sort_keys=True, ensure_ascii=False).encode(),
    }
    return {**found, _REPLACES: json.dumps(list(replaces)).encode()} if replaces else found


def merge_parts(folder: Path, signal: Signal, contract: Contract, id_type: pa.DataType) -> None:
    """Merge the parts of a signal into one, a row group each, in constant memory.

    Raises ApprehendError, and changes nothing, where a part is damaged.
    """
    files = part_files(folder)
    if len(files) < 2:
        return
    schema = signal_schema(signal, id_type)
    marked = schema.with_metadata(_metadata(signal, contract, [file.name for file in files]))

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, marked, compression="zstd", write_page_checksum=True) as writer:
            for file in files:
                check_bytes(file)
                writer.write_table(_conformed(read_parquet(file), schema))

    write_part(folder, "merged", write)
    clean(folder)


def _conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with all columns of ``schema``; those that an older version lacks are null."""
    columns = {
        field.name: table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    }
    return pa.table(columns, schema=schema)


def name_checksum(file: Path) -> str | None:
    """The checksum in a part's name; None for a part of a store's first schema version."""
    found = PART_NAME.fullmatch(file.name)
    return found.group("checksum") if found else None


def check_bytes(file: Path) -> None:
    """Raise ApprehendError where a part's bytes are not those that were written."""
    checksum = name_checksum(file)
    if checksum is not None and file_checksum(file)[:_CHECKSUM_LENGTH] != checksum:
        raise ApprehendError(f"{file}: changed after it was written (wrong checksum); {REPAIR}")


def adopt(folder: Path) -> None:
    """Give the parts of a store's first schema version, as they are, checksums in their names."""
    for file in part_files(folder):
        if name_checksum(file) is None and PART_NAME.fullmatch(file.name):
            read_parquet(file)
            checksum = file_checksum(file)[:_CHECKSUM_LENGTH]
            file.rename(file.with_name(f"{file.stem}-{checksum}.parquet"))


def part_signal(schema: pa.Schema) -> str | None:
    """The signal that a part says to hold, if it does."""
    value = (schema.metadata or {}).get(_SIGNAL)
    return None if value is None else str(value.decode())


def part_contract(schema: pa.Schema) -> Contract:
    """The contract that a part was written under; empty where it does not say."""
    try:
        value = json.loads((schema.metadata or {}).get(_CONTRACT, b"{}"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_parquet(file: Path, columns: list[str] | None = None) -> pa.Table:
    """A file's rows. Raises ApprehendError where it is truncated or damaged."""
    try:
        return pq.read_table(
            file, columns=columns, partitioning=None, page_checksum_verification=True
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(file, error) from error


def read_schema(file: Path) -> pa.Schema:
    """A file's schema. Raises ApprehendError where it is truncated or damaged."""
    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> ApprehendError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ApprehendError(f"{file}: not a readable Parquet file ({reason}); {REPAIR}")


def read_keys(file: Path) -> list[tuple[Any, str, str]]:
    """(question_id, variant, source) of every row of a part."""
    keys = read_parquet(file, columns=list(KEYS))
    return list(zip(*(keys.column(name).to_pylist() for name in KEYS), strict=True))


def read_rows(files: Sequence[Path], schema: pa.Schema, chosen: Any) -> pa.Table:
    """Rows of several parts that the Arrow expression ``chosen`` picks, checksums compared."""
    scan = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    form = ds.ParquetFileFormat(default_fragment_scan_options=scan)
    try:
        return ds.dataset([str(f) for f in files], schema=schema, format=form).to_table(
            filter=chosen
        )
    except (pa.ArrowException, OSError) as error:
        for file in files:
            read_parquet(file)  # names the one that is damaged
        raise ApprehendError(f"{files[0].parent}: cannot be read: {error}") from error
