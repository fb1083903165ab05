"""``apprehend list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ...console.options import show

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(help="List available components.", no_args_is_help=True)


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


@app.command("estimators")
def estimators() -> None:
    """List estimators: built-in ones and those installed by other packages."""
    from ....estimators.registry import estimator_table, installed_estimators

    table = _table("name", "family", "needs", "cost", "source", "description")
    for row in estimator_table():
        name = f"{row.name}({row.parameters})" if row.parameters else row.name
        table.add_row(
            name + (" L" if row.learns else ""),
            row.family,
            row.needs,
            row.cost,
            row.source,
            row.summary,
        )
    for name, point in installed_estimators().items():
        table.add_row(name, "installed", "", "", point.value, "")
    show(table, "L: learns from labels, out of fold.")


@app.command("tasks")
def tasks() -> None:
    """List our task groups; every group has one task per topic."""
    from ....tasks.mmlu_pro import STYLES
    from ....tasks.topics import TOPICS, topic_slug

    table = _table("group", "labels", "asks for", "tasks")
    for group, style in STYLES.items():
        what = "a chain of thought" if style.chain_of_thought else "the label alone"
        if style.dont_know:
            what += f", or {style.dont_know} for don't know"
        slugs = ", ".join(f"{group}_{topic_slug(topic)}" for topic in TOPICS[:2])
        table.add_row(group, f"{style.label_kind}s", what, f"{slugs}, … (14 topics)")
    show(
        table,
        "topics: " + ", ".join(TOPICS) + "\nlm-eval's own multiple-choice tasks and those of "
        "--include_path are asked by name too, e.g. mmlu, arc_challenge: docs/lm_eval_tasks.md",
    )


@app.command("signals")
def signals() -> None:
    """List the signals that estimators can use."""
    from ....estimators.signals.batch import TABLES

    table = _table("signal", "columns", "cost per question", "what it is")
    for signal, cls in TABLES.items():
        columns = ", ".join(cls.kinds())
        table.add_row(signal.value, columns, cls.cost, first_line(cls.__doc__))
    show(table)


@app.command("importers")
def importers() -> None:
    """List the formats of recorded answers that can be imported."""
    from ...importers.importer import importers as all_importers

    table = _table("format", "what it holds", "files", "options")
    for importer in all_importers().values():
        options = ", ".join(f"--{name}" for name in importer.options)
        table.add_row(importer.name, importer.summary, importer.files, options)
    show(table, "All take --model, --task and --output_path.")


@app.command("presets")
def presets() -> None:
    """List the data sets that `run --data` recognizes by their columns."""
    from ....tasks.data_sets.preset import presets as all_presets

    table = _table("preset", "schema", "data set", "recognized by")
    for preset in all_presets().values():
        by = ", ".join(preset.requires) or "a last cell that is a letter, in all lines"
        table.add_row(preset.name, preset.title, preset.published, by)
    show(table, "Other columns: run --data FILE --data_columns question=…,options=…,answer=…")


@app.command("metrics")
def metrics() -> None:
    """List the metrics of a report; `report --metrics file.py:function` adds your own."""
    from ....reports import builtin_metrics

    table = _table("name", "better", "range", "needs", "source", "what it is")
    for one in builtin_metrics().values():
        table.add_row(
            one.name, one.better, one.range_text, one.needs.value, one.source, one.meaning
        )
    show(table, "needs: errors with scores, with probabilities of an error, or the whole group.")


@app.command("analyses")
def analyses() -> None:
    """List the analyses of `apprehend analyse`, what they require and when they say nothing."""
    from ....reports import benchmark_analyses

    table = _table("file", "requires", "source", "what it says", "when it says nothing")
    for one in benchmark_analyses().values():
        table.add_row(f"{one.file}.csv", one.requires, one.source, one.meaning, one.limits)
    show(table)


@app.command("models")
def models() -> None:
    """List engines, judges and the embedded model."""
    from ....tasks.dataset import embedded_file

    table = _table("option", "value", "description")
    table.add_row("--model", "hf", "any causal language model that transformers can load")
    table.add_row("--model_args", "pretrained=embedded", str(embedded_file("model")))
    table.add_row("--judge", "hf", "the same, as judge")
    table.add_row("--judge", "local-chat-completions", "a chat endpoint: model=…,base_url=http://…")
    table.add_row("--judge", "any other lm-eval model", "see lm-eval's documentation")
    table.add_row("--data", "embedded", str(embedded_file("questions.parquet")))
    frequencies = embedded_file("token_frequencies.json")
    table.add_row("frequencies=", "of the embedded model's tokens", str(frequencies))
    show(table)


def first_line(text: str | None) -> str:
    """Return the first line of a docstring."""
    lines = (text or "").strip().splitlines()
    return lines[0] if lines else ""
