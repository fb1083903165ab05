"""``apprehend import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ...console.errors import UsageError
from ...console.options import parse_pairs, say
from ...store.names import check_name, check_names

app = typer.Typer(
    help="Import recorded answers, to score and report them without a model.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Option("--model", help="Name of the model.")]
Output = Annotated[Path, typer.Option("--output_path", help="Results folder.")]


def _done(imported: Any) -> None:
    from ...score.scoring import score_store

    scored = score_store(imported.store)
    say(
        f"{imported.store.path}: {imported.questions} questions, {imported.unparsed} without a "
        f"parsed answer, {imported.without_gold} skipped (no gold answer); "
        f"scored: {', '.join(scored.estimators)}"
    )


def _one_path(paths: list[Path]) -> Path:
    if len(paths) != 1:
        raise UsageError(f"import: expected one file, got {len(paths)}")
    return paths[0]


@app.command("table")
def table(
    paths: Annotated[list[Path], typer.Argument(help="A CSV, TSV, JSONL or Parquet file.")],
    model: Name,
    id: Annotated[str, typer.Option("--id", help="Column of the question's id.")],
    output_path: Output = Path("results"),
    task: Annotated[str, typer.Option("--task", help="Name of the task.")] = "imported",
    topic: Annotated[Optional[str], typer.Option(help="Column of the topic.")] = None,
    answer: Annotated[
        Optional[str], typer.Option(help="Column of the gold option: letter, or index from 0.")
    ] = None,
    prediction: Annotated[
        Optional[str],
        typer.Option(help="Column of the option that the model chose; empty = not parsed."),
    ] = None,
    correct: Annotated[
        Optional[str], typer.Option(help="Column with true or false: whether the answer was right.")
    ] = None,
    score: Annotated[
        Optional[list[str]],
        typer.Option(
            help="NAME=COLUMN: column of an uncertainty score, and its name (repeatable)."
        ),
    ] = None,
    option_logits: Annotated[
        Optional[str], typer.Option("--option_logits", help="List column: one logit per option.")
    ] = None,
    option_probs: Annotated[
        Optional[str],
        typer.Option("--option_probs", help="List column: one probability per option."),
    ] = None,
    question: Annotated[Optional[str], typer.Option(help="Column of the question's text.")] = None,
    options: Annotated[Optional[str], typer.Option(help="List column of the options.")] = None,
    where: Annotated[
        Optional[list[str]],
        typer.Option(help="COLUMN=VALUE: import only rows with this value (repeatable)."),
    ] = None,
) -> None:
    """Import answers from a table with one row per question."""
    from ...importers.common import file_origin, write_import
    from ...importers.table import TableColumns, read_table
    from ...store.task_store import Results

    check_name("--model", model)
    check_name("--task", task)
    scores = parse_pairs("--score", score)
    check_names("--score", scores)
    if option_logits is not None and option_probs is not None:
        raise UsageError("give --option_logits or --option_probs, not both")
    path = _one_path(paths)
    columns = TableColumns(
        id=id,
        topic=topic,
        answer=answer,
        prediction=prediction,
        correct=correct,
        scores=scores,
        option_logits=option_logits,
        option_probs=option_probs,
        question=question,
        options=options,
        where=parse_pairs("--where", where),
    )
    rows = read_table(path, columns)
    origin = file_origin("table", [path], columns=columns.named(), where=dict(columns.where))
    _done(write_import(Results(output_path), model, task, columns.signal, rows, origin))


@app.command("lm-eval")
def lm_eval(
    paths: Annotated[list[Path], typer.Argument(help="samples_*.jsonl files, or folders.")],
    model: Name,
    output_path: Output = Path("results"),
    task: Annotated[
        Optional[str], typer.Option("--task", help="Task name (default: from the file names).")
    ] = None,
) -> None:
    """Import samples that lm-eval logged with --log_samples."""
    from ...importers.common import file_origin, write_import
    from ...importers.lm_eval_samples import grouped_files, read_samples, sample_files
    from ...store.task_store import Results

    check_name("--model", model)
    if task is not None:
        check_name("--task", task)
    for name, files in grouped_files(sample_files(paths), task).items():
        signal, rows = read_samples(files)
        origin = file_origin("lm-eval", files)
        _done(write_import(Results(output_path), model, name, signal, rows, origin))


@app.command("mmlu-pro")
def mmlu_pro(
    paths: Annotated[list[Path], typer.Argument(help="A published result file: JSON or zip.")],
    model: Name,
    output_path: Output = Path("results"),
    task: Annotated[str, typer.Option("--task", help="Name of the task.")] = "mmlu_pro_cot",
) -> None:
    """Import result files published by the MMLU-Pro authors (answers after a chain of thought)."""
    from ....estimators.signals.batch import Signal
    from ...importers.common import file_origin, write_import
    from ...importers.mmlu_pro_results import read_results
    from ...store.task_store import Results

    check_name("--model", model)
    check_name("--task", task)
    path = _one_path(paths)
    rows = read_results(path)
    origin = file_origin("mmlu-pro", [path])
    _done(write_import(Results(output_path), model, task, Signal.TRACE, rows, origin))
