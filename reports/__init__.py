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
from .calibration import (
    PROBABILITY_SCORES,
    BrierParts,
    CalibrationBins,
    brier,
    brier_parts,
    calibration_bins,
    ece,
    is_probability,
    log_loss,
    mass_bins,
    mutual_information_share,
    width_bins,
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
    coverage_at_risk,
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
    "PROBABILITY_SCORES",
    "ROWS",
    "BootstrapInterval",
    "BrierParts",
    "CalibrationBins",
    "Report",
    "ReportInput",
    "Rows",
    "accuracy_at_coverage",
    "augrc",
    "aurc",
    "bootstrap_roc_auc",
    "brier",
    "brier_parts",
    "build_report",
    "calibration_bins",
    "compute_flow",
    "compute_metrics",
    "compute_missing",
    "coverage_at_risk",
    "delong_covariance",
    "delong_interval",
    "ece",
    "is_probability",
    "log_loss",
    "mass_bins",
    "mutual_information_share",
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
    "width_bins",
    "worst_case_roc_auc",
]
