"""``apprehend verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...console.errors import ApprehendError, UsageError

if TYPE_CHECKING:
    from ...store.checks.verifying import Finding
    from ...store.task_store import TaskStore


def verify(
    results: Annotated[Path, typer.Argument(help="Results folder, or a bundle (.zip).")],
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Set damaged files aside, and state what the next run must collect again.",
        ),
    ] = False,
) -> None:
    """Find truncated, damaged, duplicate, mismatched and unexpected files; status 1 if any.

    Of a bundle: whether its files are those that it lists, and its metrics those of its scores.
    """
    from ...store.checks.verifying import findings, folder_findings, task_folders
    from ...store.task_store import TaskStore

    if results.is_file():
        _verify_bundle(results, repair)
        return
    wrong = 0
    stores = [TaskStore(path) for path in task_folders(results)]
    misplaced = folder_findings(stores)
    for store in stores:
        path = store.path
        problems = [*misplaced.get(path, []), *findings(store)]
        for finding in problems:
            typer.echo(str(finding))
        if not problems:
            typer.echo(f"{path}: {_holds(store)}; nothing wrong")
        elif repair:
            wrong += _mend(store, problems)
        else:
            wrong += len(problems)
    if wrong:
        advice = "" if repair else "; `apprehend verify --repair` sets the files aside"
        raise ApprehendError(f"{results}: {wrong} files are not as they were written{advice}")


def _verify_bundle(path: Path, repair: bool) -> None:
    from ...publishing.bundles import opened_bundle

    if repair:
        raise UsageError("--repair: a bundle cannot be repaired; export it again")
    with opened_bundle(path) as bundle:
        for store in bundle.stores:
            questions = f"{len(store.question_ids)} questions"
            typer.echo(f"{path}: {store.model} on {store.task}: {questions}")
        typer.echo(f"{path}: {len(bundle.metrics):,} rows of metrics recomputed; nothing wrong")


def _holds(store: TaskStore) -> str:
    from ...store.checks.verifying import stored_counts
    from ...store.failures import read_failures

    counts = "".join(f", {name} of {count}" for name, count in stored_counts(store).items())
    failed = read_failures(store.path)
    unresolved = f", {len(failed)} failed (first: {failed[0]['reason']})" if failed else ""
    return f"{len(store.question_ids)} questions{counts}{unresolved}"


def _mend(store: TaskStore, problems: list[Finding]) -> int:
    """Repair a store and return the number of findings that remain."""
    from ...store.checks.repairing import repair
    from ...store.checks.verifying import stored_counts
    from ...store.task_store import QUESTIONS

    lasting = ("copied: ", "newer apprehend")
    mendable = [f for f in problems if not any(words in f.problem for words in lasting)]
    if not mendable:
        return len(problems)
    folder, kept = repair(store, mendable)
    if folder.is_dir():
        typer.echo(f"{store.path}: set aside in {folder}")
    if kept:
        typer.echo(f"  kept {kept} rows of them that no other file has")
    if not (store.path / QUESTIONS).is_file():
        typer.echo("  the next run rewrites the questions and states what is missing")
        return len(problems) - len(mendable)
    asked = len(store.question_ids)
    counts = stored_counts(store)
    lost = {f.path.parent.name for f in mendable if f.path.parent.parent.name == "signals"}
    for name in sorted(lost - {name.split(" ")[0] for name in counts}):
        counts[name] = 0
    for name, count in counts.items():
        if count < asked:
            typer.echo(f"  the next run collects {name} of {asked - count} of {asked} questions")
    return len(problems) - len(mendable)
