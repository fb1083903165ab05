"""``apprehend cascade``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ...console.number_limits import HIGHEST_COST
from ...console.report_options import ResultsFolder, Seed

if TYPE_CHECKING:
    from ....reports import Cascade, Evaluation


def cascade(
    results: ResultsFolder,
    small: Annotated[str, typer.Option(help="Model that answers first.")],
    large: Annotated[str, typer.Option(help="Model that answers the questions routed to it.")],
    by: Annotated[str, typer.Option(help="Estimator whose score of the small model decides.")],
    task: Annotated[Optional[str], typer.Option(help="Only this task.")] = None,
    cost_small: Annotated[
        Optional[float],
        typer.Option(
            "--cost_small",
            min=0,
            max=HIGHEST_COST,
            help="Cost of an answer by the small model (default: measured seconds).",
        ),
    ] = None,
    cost_large: Annotated[
        Optional[float],
        typer.Option(
            "--cost_large",
            min=0,
            max=HIGHEST_COST,
            help="Cost of an answer by the large model.",
        ),
    ] = None,
    seed: Seed = 0,
    output_path: Annotated[
        Path, typer.Option("--output_path", help="Folder for the curve and its figure.")
    ] = Path("cascade"),
) -> None:
    """Route the small model's most uncertain questions to a large one: accuracy, cost, gain."""
    import pandas as pd

    from ....reports import (
        CASCADE,
        FORMATS,
        Drawer,
        cascade_figure,
        compute_cascade,
        csv_text,
        evaluations,
        file_stems,
    )
    from ...console.errors import ApprehendError, UsageError
    from ...console.options import say, show
    from ...reporting.report_building import evaluated_with
    from ...reporting.report_inputs import report_input
    from ...store.files import write_text
    from ...store.task_store import Results

    if (cost_small is None) != (cost_large is None):
        raise UsageError("give --cost_small and --cost_large, or neither")
    first = evaluated_with(results, by, small, task)
    second = evaluations(report_input(Results(results)))
    pairs = [(a, b) for a in first for b in second if b.model == large and b.task == a.task]
    if not pairs:
        known = ", ".join(
            dict.fromkeys(f"{evaluation.model} on {evaluation.task}" for evaluation in second)
        )
        raise ApprehendError(f"{large!r} and {small!r} have no task in common; found: {known}")
    stems = file_stems(a.task for a, _ in pairs)
    drawer = Drawer(output_path, FORMATS)
    frames = []
    with drawer:
        for a, b in pairs:
            costs, unit = _costs(results, a, large, by, cost_small, cost_large)
            try:
                curve = compute_cascade(a, b, by, costs, seed=seed)
            except ValueError as error:
                raise ApprehendError(str(error)) from error
            frames.append(curve.frame().assign(cost_unit=unit))
            drawer.add(CASCADE, "", stems[a.task], [cascade_figure(curve)])
            line = _line(small, large, by, a.task, curve)
            show(f"{line} Costs per question: {costs[0]:.3g} and {costs[1]:.3g} {unit}.")
    write_text(output_path / "cascade.csv", csv_text(pd.concat(frames)))
    say(f"cascade: {output_path / 'cascade.csv'}")


def _line(small: str, large: str, by: str, task: str, curve: Cascade) -> str:
    ends = f" [{curve.area_low:.4f}, {curve.area_high:.4f}]"
    if curve.area_low != curve.area_low:
        ends = " (no interval: the models differ on too few questions)"
    return (
        f"{small} alone {curve.accuracy[0]:.3f}, {large} alone {curve.accuracy[-1]:.3f} on "
        f"{curve.n} common questions of {task}; by {by} the mean gain over random routing is "
        f"{curve.area:.4f}{ends}, the best accuracy "
        f"{curve.accuracy.max():.3f} with {curve.best_share:.0%} routed on."
    )


def _costs(
    results: Path, small: Evaluation, large: str, by: str, *given: float | None
) -> tuple[tuple[float, float], str]:
    """Determine the cost of an answer by each model.

    Returns:
        The costs of the small and the large model, and their unit in words.
    """
    from ...reporting.costs import measured_costs

    if given[0] is not None and given[1] is not None:
        return (given[0], given[1]), "as given"
    measured = measured_costs(results, small.model, large, small.task, by)
    if measured is not None:
        return measured, "seconds, from the manifests"
    return (1.0, 10.0), "assumed, as no times are stored (set --cost_small and --cost_large)"
