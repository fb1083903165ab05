"""``apprehend run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ...console.declared import with_options
from ...console.options import read_config
from ...run.run_options import read_options, typed_options


def _read_config(context: typer.Context, value: Optional[Path]) -> Optional[Path]:
    if value is not None:
        kinds = {name: option.kind for name, option in typed_options()}
        repeated = [name for name, kind in kinds.items() if kind == list[str]]
        read = read_config(value, list(kinds), repeated)
        context.default_map = {**(context.default_map or {}), **read}
    return value


@with_options(typed_options())
def run(
    *,
    config: Annotated[
        Optional[Path],
        typer.Option(callback=_read_config, is_eager=True, help="YAML file with options."),
    ] = None,
    **given: Any,
) -> None:
    """Ask a model the questions, score its uncertainty, report. Resumes if run again."""
    options = read_options(given)
    from ...run.running import run as run_steps

    run_steps(options).raise_problems()
