"""The formats that tables come in: CSV, TSV, JSONL and Parquet, as data frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ...tasks.bounds import check_parquet, check_text
from ...tasks.data_errors import DataError
from ..console.errors import ApprehendError, UsageError

if TYPE_CHECKING:
    import pandas as pd


def read_frame(file: Path) -> pd.DataFrame:
    """The table as a pandas frame. Raises ApprehendError, DataError or UsageError in one line."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.is_file():
        raise UsageError(f"no such file: {file}")
    if file.stat().st_size == 0:
        raise ApprehendError(f"{file}: is empty")
    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            check_parquet(file)
            table = pq.read_table(file)
            table.validate(full=True)  # else bad text is met while it is used
            return table.to_pandas()
        if suffix in (".csv", ".tsv"):
            check_text(file, b"\t\n" if suffix == ".tsv" else b",\n")
            return pd.read_csv(file, sep="\t" if suffix == ".tsv" else ",")
        if suffix in (".jsonl", ".ndjson"):
            check_text(file)
            return _frame_of_lines(file.read_text(encoding="utf-8").split("\n"))
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ApprehendError(
            f"{file}: not a readable {suffix[1:]} file (truncated?): {first}"
        ) from error
    raise UsageError(f"{file}: expected .csv, .tsv, .jsonl or .parquet, got {suffix!r}")


def _frame_of_lines(lines: list[str]) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, object]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", str(error))
            raise ValueError(f"line {number}: not JSON: {reason}") from error
        if not isinstance(row, dict):
            raise ValueError(f"line {number}: expected an object, got {type(row).__name__}")
        rows.append(row)
    return pd.DataFrame(rows)
