"""Load metrics from a user's own files, named as `path/to/file.py:function`."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from ...estimators.core.user_files import is_file_spec, load_from_file
from ...reports import Metric, MetricDeclarationError, declaration, user_metrics
from ..console.errors import UsageError


def load_metrics(specs: Sequence[str]) -> list[Metric]:
    """Load the named metrics.

    Raises UsageError, in one line, if one cannot be loaded, is not a metric, or declares another
    metric's column.
    """
    try:
        return user_metrics([load_metric(spec) for spec in specs])
    except MetricDeclarationError as error:
        raise UsageError(f"--metrics: {error}") from error


def load_metric(spec: str) -> Metric:
    """Load one metric. Raises UsageError if it cannot be loaded or is not a metric."""
    if not is_file_spec(spec):
        raise UsageError(
            f"metric {spec!r}: expected path/to/file.py:function; the built-in ones are always "
            "computed, see `apprehend list metrics`"
        )
    value = load_from_file("metric", spec, _names, UsageError)
    metric = declaration(value)
    if metric is None:
        raise UsageError(
            f"metric {spec!r}: expected a function below @metric(better=…), from apprehend.reports"
        )
    return metric


def _names(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if declaration(value) is not None]
