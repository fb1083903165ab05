"""The explorer as a part of the page: its markup, style and script, and the data behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from markupsafe import Markup

from ..frames.page_addition import PageAddition
from ..page.page import environment_of
from .chunks import Chunks
from .packing import Json, pack
from .records import Explored

TEMPLATES = Path(__file__).with_name("templates")
SCRIPTS = ("data.js", "index.js", "list.js", "tokens.js", "question.js", "explorer.js")
"""Parts of the script, in their order; they share one scope of their own."""
MOST_QUESTIONS = 250_000
"""Most questions of one model and task in the list: a browser scrolls no taller one."""
MOST_BYTES = 200_000_000
"""Most bytes of details, as base64, of all models and tasks together. What lies beside the page
stays below half of what a report of the largest size may hold."""


def write_explorer(
    explored: Iterable[Explored],
    count: int,
    output_path: str | Path,
    embed: bool = False,
    note: str = "",
) -> PageAddition:
    """Write the explorer's data, and return its part of the page.

    Data of up to `INSIDE` bytes go into the page; more go into files below explorer/, which have to
    stay beside it. Each model and task has the same share of `MOST_BYTES` for its details.

    Args:
        explored: What to show of each model on each task, one after the other, so that no more than
            one is in memory at a time.
        count: Their number.
        output_path: Folder of the page.
        embed: Whether to put all data inside the page, whatever their size.
        note: A sentence on which questions are shown; empty for none.

    Returns:
        The part of the page; its files are written.
    """
    chunks = Chunks(Path(output_path), embed)
    entries: list[Json] = []
    questions = 0
    for own in explored:
        entries.append(pack(own, chunks, MOST_BYTES // max(1, count)))
        questions = max(questions, len(own.question_ids))
    index = json.dumps({"entries": entries}, separators=(",", ":"), ensure_ascii=True)
    escaped = index.replace("<", "\\u003c")
    blocks = [Markup(f'<script type="application/json" id="explorer-index">{escaped}</script>')]
    markup = (
        environment_of(TEMPLATES)
        .get_template("explorer.html.j2")
        .render(note=note, questions=questions, several=len(entries) > 1)
    )
    parts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return PageAddition(
        key="explorer",
        title="Questions",
        markup=Markup(markup),
        style=(TEMPLATES / "explorer.css").read_text(encoding="utf-8"),
        script="(() => {\n" + "\n".join(parts) + "})();\n",
        data=[*blocks, *chunks.finish()],
        beside=chunks.beside,
        files=chunks.files,
    )
