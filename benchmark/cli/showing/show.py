"""``apprehend show``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...console.report_options import ResultsFolder


def show(
    results: ResultsFolder,
    question: Annotated[str, typer.Argument(help="Id of the question.")],
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
) -> None:
    """Show a stored question: prompt, options, text, scores and judgements."""
    from ...console.options import show as show_all
    from .shown_question import view_of
    from .stored_question import find_questions

    for found in find_questions(results, question, model, task):
        show_all(*view_of(found))
