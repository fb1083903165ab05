"""Metrics of a user's own files, named as `path/to/file.py:function`."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from ...estimators.core.user_files import is_file_spec, load_from_file
from ...reports import Metric, MetricDeclarationError, declaration, user_metrics
from ..console.errors import UsageError


def load_metrics(specs: Sequence[str]) -> list[Metric]:
    """The metrics that are named. Raises UsageError, with one line, where one cannot be loaded, is
    no metric, or would have a column that is another one's."""
    try:
        return user_metrics([load_metric(spec) for spec in specs])
    except MetricDeclarationError as error:
        raise UsageError(f"--metrics: {error}") from error


def load_metric(spec: str) -> Metric:
    """One metric. Raises UsageError."""
    if not is_file_spec(spec):
        raise UsageError(
            f"metric {spec!r}: expected path/to/file.py:function; the built-in ones are always "
            "computed, see `apprehend list metrics`"
        )
    value = load_from_file("metric", spec, _names, UsageError)
    found = declaration(value)
    if found is None:
        raise UsageError(
            f"metric {spec!r}: expected a function below @metric(better=…), from apprehend.reports"
        )
    return found


def _names(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if declaration(value) is not None]
