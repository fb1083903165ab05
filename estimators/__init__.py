"""What is computed from signals: uncertainty scores, without the model. Needs numpy only."""

from .base import Estimator, evaluate, reasons
from .errors import EstimatorError, EstimatorLookupError
from .registry import (
    ENTRY_POINT_GROUP,
    builtin_estimators,
    installed_estimators,
    load_estimator,
    load_estimators,
    split_specs,
)
from .signals import TABLES, Need, Panel, Signal, Signals, Status, Variants

__all__ = [
    "ENTRY_POINT_GROUP",
    "TABLES",
    "Estimator",
    "EstimatorError",
    "EstimatorLookupError",
    "Need",
    "Panel",
    "Signal",
    "Signals",
    "Status",
    "Variants",
    "builtin_estimators",
    "evaluate",
    "installed_estimators",
    "load_estimator",
    "load_estimators",
    "reasons",
    "split_specs",
]
