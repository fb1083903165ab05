"""Rows of a Parquet file, within the limits on memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .bounds import check_parquet
from .file_errors import DataError, first_line


def read_parquet_rows(file: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Read the names of the columns and the rows of a Parquet file.

    Raises:
        DataError: it is damaged or exceeds the limits, or two columns share a name.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        check_parquet(file)
        table = pq.read_table(file, partitioning=None)
        table.validate(full=True)  # else invalid text would surface only later
        names = list(table.column_names)
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"{file}: column {twice!r} occurs twice")
        return names, list(table.to_pylist())
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(
            f"{file}: not a readable Parquet file (truncated?): {first_line(error)}"
        ) from error
