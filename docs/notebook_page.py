"""A notebook as a Markdown page: executed, with what its cells show."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient


def notebook_page(path: Path, pictures: Path) -> str:
    """Run a notebook and return it as Markdown.

    Args:
        path: The notebook, stored without outputs.
        pictures: Folder for the pictures that it shows, beside the page.

    Returns:
        The cells, each with its output: HTML, a picture, or text.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=600,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=ERROR"],
        )
        client.execute()
    pictures.mkdir(exist_ok=True)
    blocks = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            blocks.append(cell.source)
        else:
            blocks.append(f"```python\n{cell.source}\n```")
            blocks += filter(None, (_shown(output, pictures) for output in cell.outputs))
    return "\n\n".join(blocks) + "\n"


def _shown(output: Any, pictures: Path) -> str:
    """Return an output as Markdown; "" for streams of messages."""
    data = output.get("data", {})
    if "image/png" in data:
        name = f"{len(list(pictures.iterdir())) + 1}.png"
        (pictures / name).write_bytes(base64.b64decode(data["image/png"]))
        return f"![output of the cell above]({pictures.name}/{name})"
    if "text/html" in data:
        table = f'<div class="notebook-output">{data["text/html"]}</div>'
        return f"```{{raw}} html\n{table}\n```"
    if "text/plain" in data:
        return f"```text\n{data['text/plain']}\n```"
    return ""
