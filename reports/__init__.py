"""Reports: from scores to metrics, intervals, tables, figures and a page; data frames in.

Everywhere an error is the positive class and a higher score means more uncertain.
"""

from .bootstrap import (
    BootstrapInterval,
    bootstrap_roc_auc,
    percentile_interval,
    resample_weights,
    roc_auc_replicates,
)
from .delong import delong_covariance, delong_interval
from .evaluation import ROWS, Rows
from .flow import compute_flow, compute_missing
from .inputs import ReportInput
from .metrics import METRIC_COLUMNS, compute_metrics
from .ranking import (
    accuracy_at_coverage,
    augrc,
    aurc,
    pr_auc,
    prr,
    risk_coverage_curve,
    roc_auc,
    roc_curve,
    worst_case_roc_auc,
)
from .report import Report, build_report
from .tables import to_latex, to_markdown, topic_tables

__all__ = [
    "METRIC_COLUMNS",
    "ROWS",
    "BootstrapInterval",
    "Report",
    "ReportInput",
    "Rows",
    "accuracy_at_coverage",
    "augrc",
    "aurc",
    "bootstrap_roc_auc",
    "build_report",
    "compute_flow",
    "compute_metrics",
    "compute_missing",
    "delong_covariance",
    "delong_interval",
    "percentile_interval",
    "pr_auc",
    "prr",
    "resample_weights",
    "risk_coverage_curve",
    "roc_auc",
    "roc_auc_replicates",
    "roc_curve",
    "to_latex",
    "to_markdown",
    "topic_tables",
    "worst_case_roc_auc",
]
