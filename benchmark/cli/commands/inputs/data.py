"""``apprehend data``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ....console.errors import UsageError, did_you_mean
from ....console.options import show

if TYPE_CHECKING:
    from .....tasks.data_sets.understood import DataSet
    from .....tasks.own_tasks import OwnTasks

MOST_TOPICS = 60
"""Number of topics that are listed one by one."""


def data(
    file: Annotated[
        str, typer.Argument(help="A file or folder of questions, as for `run --data`.")
    ],
    data_columns: Annotated[
        Optional[str],
        typer.Option(
            "--data_columns",
            help="As for `run`: question=stem,options=A+B+C+D,answer=label,topic=subject.",
        ),
    ] = None,
    tasks: Annotated[
        str, typer.Option(help="Task whose prompt is shown, e.g. direct or cot.")
    ] = "direct",
    questions: Annotated[int, typer.Option(min=0, max=1000, help="Number of questions shown.")] = 3,
) -> None:
    """Show how a file of questions is understood: schema, counts, prompts as a model sees them."""
    from .....tasks.data_sets.data_set import read_data_set
    from .....tasks.dataset import EMBEDDED, embedded_file
    from .....tasks.own_tasks import own_tasks

    path = str(embedded_file("questions.parquet")) if file == EMBEDDED else file
    data_set = read_data_set(Path(path), data_columns)
    own = own_tasks(path, data_columns)
    style = _style(tasks, own)
    show(f"{file}: {data_set.title}")
    for line in data_set.lines:
        show(line)
    _show_columns(data_set)
    _show_counts(data_set)
    _show_topics(data_set, own, style)
    _show_prompts(data_set, path, data_columns, style, questions)


def _style(tasks: str, own: OwnTasks | None) -> str:
    from .....tasks.mmlu_pro import STYLES, style_name
    from .....tasks.own_tasks import SHORT
    from .....tasks.task_names import known_tasks

    known = dict(known_tasks() if own is None else own.names())
    known |= {style.removeprefix(SHORT): (style, None) for style in STYLES}
    name = tasks.split(",", maxsplit=1)[0].strip()
    if name not in known:
        raise UsageError(f"--tasks: unknown task {name!r}{did_you_mean(name, known)}")
    return style_name(known[name][0])


def _table(title: str, *columns: str, rows: Iterable[tuple[str, ...]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    show(table)


def _show_columns(data_set: DataSet) -> None:
    from .....tasks.data_sets.column_map import FIELDS

    columns = {**dict.fromkeys(("id", "topic"), "(none)"), **data_set.columns}
    rows = [(name, columns[name], FIELDS[name]) for name in FIELDS if name in columns]
    _table("columns", "field", "column", "what it is", rows=rows)


def _show_counts(data_set: DataSet) -> None:
    options = Counter(len(question.options) for question in data_set.questions)
    golds = Counter(question.answer for question in data_set.questions)
    count = len(data_set.questions)
    left = sum(map(len, data_set.left_out.values()))
    rows = [
        ("questions", f"{count:,}" + (f" ({left:,} left out)" if left else "")),
        ("options per question", ", ".join(f"{k}: {n:,}" for k, n in sorted(options.items()))),
        (
            "right option",
            ", ".join(f"{_letter(k)}: {n:,} ({n / count:.0%})" for k, n in sorted(golds.items())),
        ),
        ("topics", f"{len(data_set.topics):,}"),
    ]
    _table("counts", "what", "how many", rows=rows)


def _letter(place: int) -> str:
    return chr(ord("A") + place)


def _show_topics(data_set: DataSet, own: OwnTasks | None, style: str) -> None:
    from .....tasks.own_tasks import SHORT
    from .....tasks.topics import topic_slug

    counts = Counter(question.topic for question in data_set.questions)
    if own is None:
        group, slugs = style, {topic: topic_slug(topic) for topic in counts}
    else:
        group, slugs = f"{data_set.name}_{style.removeprefix(SHORT)}", dict(own.topics)
    listed = sorted(counts.items())[:MOST_TOPICS]
    rows = [(topic, f"{n:,}", f"{group}_{slugs[topic]}") for topic, n in listed]
    if len(counts) > MOST_TOPICS:
        rows.append((f"… {len(counts) - MOST_TOPICS:,} more topics", "", ""))
    _table(f"task {group}: all topics, or one of them", "topic", "questions", "task", rows=rows)


def _show_prompts(
    data_set: DataSet, path: str, data_columns: str | None, style_name: str, number: int
) -> None:
    from .....tasks.dataset import read_questions
    from .....tasks.mmlu_pro import STYLES, gold_index, render_system, render_user

    style = STYLES[style_name]
    rows = read_questions(path, data_columns)
    for row, question in list(zip(rows, data_set.questions, strict=True))[:number]:
        right = style.labels(len(row["options"]))[gold_index(row)]
        show(f"── question {question.question_id} ({question.place}), right option: {right} ──")
        show(f"{render_system(question.topic, style)}\n\n{render_user(row, style)}\n")
