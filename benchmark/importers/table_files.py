"""The file formats of tables, CSV, TSV, JSONL and Parquet, read as data frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...tasks.data_errors import DataError
from ...tasks.files.bounds import check_parquet, check_text
from ...tasks.jsonl import read_jsonl
from ..console.errors import ApprehendError, UsageError, first_line

FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Supported file name suffixes."""

if TYPE_CHECKING:
    import pandas as pd


def read_frame(file: Path) -> pd.DataFrame:
    """Read a table into a data frame.

    Raises ApprehendError, DataError or UsageError, in one line, for an unreadable file.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.stat().st_size == 0:
        raise ApprehendError(f"{file}: is empty")
    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            check_parquet(file)
            table = pq.read_table(file)
            table.validate(full=True)  # otherwise invalid text is found only on use
            return table.to_pandas()
        if suffix in (".csv", ".tsv"):
            check_text(file, b"\t\n" if suffix == ".tsv" else b",\n")
            return pd.read_csv(file, sep="\t" if suffix == ".tsv" else ",")
        if suffix in (".jsonl", ".ndjson"):
            return pd.DataFrame(list(read_jsonl(file).values()))
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        raise ApprehendError(
            f"{file}: not a readable {suffix[1:]} file (truncated?): {first_line(error)}"
        ) from error
    raise UsageError(f"{file}: expected .csv, .tsv, .jsonl or .parquet, got {suffix!r}")
