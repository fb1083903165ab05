"""The explorer of a report's stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from ....reports import PageAddition, Rows, write_explorer
from ....reports.explorer.chunks import Chunks
from ...store.task_store import TaskStore
from .explored_stores import explored_stores

Explorer = Literal["by size", "embedded", "none"]
"""Whether a report has an explorer: data inside the page or beside it by their size, all inside it,
or no explorer."""


def explorer_part(
    stores: Sequence[TaskStore],
    scores: pd.DataFrame,
    output_path: Path,
    rows: Rows,
    explorer: Explorer,
) -> list[PageAddition]:
    """Write the explorer's data for these stores; empty for no explorer, whose files are deleted.

    Args:
        stores: The stores of the report.
        scores: Their scores, see `ReportInput`.
        output_path: Folder of the report.
        rows: Row convention of the report, which the explorer does not follow, and says so.
        explorer: Where the data go.
    """
    if explorer == "none":
        Chunks(output_path).finish()
        return []
    note = (
        "Those that the paper's filter leaves out of the report are here too."
        if rows == "paper"
        else ""
    )
    explored = explored_stores(stores, scores)
    embed = explorer == "embedded"
    return [write_explorer(explored, len(stores), output_path, embed, note)]
