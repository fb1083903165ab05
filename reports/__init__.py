"""Reports: from scores to metrics, intervals, tables, figures and a page; data frames in.

Everywhere an error is the positive class and a higher score means more uncertain.
"""

from .analyses import Analyses, compute_analyses
from .benchmark_analyses import BenchmarkAnalyses, build_benchmark_analyses
from .bootstrap import (
    BootstrapInterval,
    bootstrap_roc_auc,
    paired_roc_auc_replicates,
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
from .comparing import Comparison, build_comparison
from .comparison_records import COMPARISON_COLUMNS
from .comparisons import compare
from .csv_files import csv_text, undefused
from .decisions import (
    Cascade,
    ThresholdChoice,
    choose_threshold,
    compute_cascade,
    compute_split,
    summarise_split,
)
from .delong import delong_covariance, delong_interval
from .drawing import Drawer
from .evaluation import ROWS, Evaluation, Rows, evaluations
from .figures_cascade import cascade_figure
from .flow import compute_flow, compute_missing
from .formatting import file_stems
from .inputs import ReportInput
from .intervals import (
    BOOTSTRAP_ALONE,
    SMALLEST_CLASS,
    newcombe_interval,
    percentile_interval,
    roc_auc_interval,
    wilson,
)
from .metrics import METRIC_COLUMNS, compute_metrics
from .paper import Paper, build_paper
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
from .style import FORMATS, figure_style
from .tables import to_latex, to_markdown, topic_tables
from .testing import (
    Difference,
    Trend,
    accuracy_test,
    area_influence,
    delong_test,
    holm,
    paired_models_test,
    separation,
    trend_test,
    unpaired_test,
)

__all__ = [
    "BOOTSTRAP_ALONE",
    "COMPARISON_COLUMNS",
    "FORMATS",
    "METRIC_COLUMNS",
    "PROBABILITY_SCORES",
    "ROWS",
    "SMALLEST_CLASS",
    "Analyses",
    "BenchmarkAnalyses",
    "BootstrapInterval",
    "BrierParts",
    "CalibrationBins",
    "Cascade",
    "Comparison",
    "Difference",
    "Drawer",
    "Evaluation",
    "Paper",
    "Report",
    "ReportInput",
    "Rows",
    "ThresholdChoice",
    "Trend",
    "accuracy_at_coverage",
    "accuracy_test",
    "area_influence",
    "augrc",
    "aurc",
    "bootstrap_roc_auc",
    "brier",
    "brier_parts",
    "build_benchmark_analyses",
    "build_comparison",
    "build_paper",
    "build_report",
    "calibration_bins",
    "cascade_figure",
    "choose_threshold",
    "compare",
    "compute_analyses",
    "compute_cascade",
    "compute_flow",
    "compute_metrics",
    "compute_missing",
    "compute_split",
    "coverage_at_risk",
    "csv_text",
    "delong_covariance",
    "delong_interval",
    "delong_test",
    "ece",
    "evaluations",
    "figure_style",
    "file_stems",
    "holm",
    "is_probability",
    "log_loss",
    "mass_bins",
    "mutual_information_share",
    "newcombe_interval",
    "paired_models_test",
    "paired_roc_auc_replicates",
    "percentile_interval",
    "pr_auc",
    "prr",
    "resample_weights",
    "risk_coverage_curve",
    "roc_auc",
    "roc_auc_interval",
    "roc_auc_replicates",
    "roc_curve",
    "separation",
    "summarise_split",
    "to_latex",
    "to_markdown",
    "topic_tables",
    "trend_test",
    "undefused",
    "unpaired_test",
    "width_bins",
    "wilson",
    "worst_case_roc_auc",
]
