"""The notebook of the documentation runs from a model to a figure, without the command line."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from helpers import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "docs" / "from_model_to_figure.ipynb"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_notebook_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert len(notebook.cells) == 12
    assert not any(cell.get("outputs") for cell in notebook.cells), "stored without outputs"
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [
        output.data
        for cell in code
        for output in cell.outputs
        if output.output_type in ("execute_result", "display_data")
    ]
    assert any("<caption>Results(" in data.get("text/html", "") for data in shown)
    assert any("image/png" in data for data in shown)
    assert (tmp_path / "does_it_know.pdf").stat().st_size > 5000
