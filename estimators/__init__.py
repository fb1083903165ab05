"""Uncertainty scores computed from signals, without the model; one module per family."""

from .core.estimator import Estimator, evaluate, reasons
from .learning.cross_fitting import CrossFitted, Folds, cross_fit
from .registry import (
    ENTRY_POINT_GROUP,
    builtin_estimators,
    estimator_markdown,
    estimator_table,
    installed_estimators,
    load_estimator,
    load_estimators,
    split_specs,
)
from .signals.batch import TABLES, Need, Panel, Signal, Signals, Status, Variants
from .signals.estimator_errors import EstimatorError, EstimatorLookupError

__all__ = [
    "ENTRY_POINT_GROUP",
    "TABLES",
    "CrossFitted",
    "Estimator",
    "EstimatorError",
    "EstimatorLookupError",
    "Folds",
    "Need",
    "Panel",
    "Signal",
    "Signals",
    "Status",
    "Variants",
    "builtin_estimators",
    "cross_fit",
    "estimator_markdown",
    "estimator_table",
    "evaluate",
    "installed_estimators",
    "load_estimator",
    "load_estimators",
    "reasons",
    "split_specs",
]
