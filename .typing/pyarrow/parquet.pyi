from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from . import RecordBatch, Schema, Table

class ColumnSchema:
    path: str
    physical_type: str
    length: int

class ParquetSchema:
    def column(self, i: int) -> ColumnSchema: ...
    def __len__(self) -> int: ...

class RowGroupMetaData:
    total_byte_size: int

class FileMetaData:
    num_rows: int
    num_columns: int
    num_row_groups: int
    schema: ParquetSchema
    def row_group(self, i: int) -> RowGroupMetaData: ...

class ParquetFile:
    metadata: FileMetaData
    schema_arrow: Schema
    def __init__(self, source: str | Path, read_dictionary: Sequence[str] | None = ...) -> None: ...
    def __enter__(self) -> ParquetFile: ...
    def __exit__(self, *error: object) -> None: ...
    def iter_batches(self, batch_size: int = ...) -> Iterator[RecordBatch]: ...

class ParquetWriter:
    def __init__(
        self,
        where: str | Path,
        schema: Schema,
        compression: str = ...,
        write_page_checksum: bool = ...,
    ) -> None: ...
    def __enter__(self) -> ParquetWriter: ...
    def __exit__(self, *error: object) -> None: ...
    def write_table(self, table: Table) -> None: ...

def read_table(
    source: str | Path | IO[bytes],
    columns: Sequence[str] | None = ...,
    partitioning: str | None = ...,
    page_checksum_verification: bool = ...,
    read_dictionary: Sequence[str] | None = ...,
) -> Table: ...
def read_schema(where: str | Path) -> Schema: ...
def write_table(
    table: Table,
    where: str | Path | IO[bytes],
    compression: str = ...,
    write_page_checksum: bool = ...,
) -> None: ...
