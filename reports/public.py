"""Public names of `apprehend.reports`."""

from .analyses.comparison_records import COMPARISON_COLUMNS
from .analyses.comparisons import compare
from .analyses.decisions import (
    Cascade,
    compute_cascade,
    compute_split,
    summarize_split,
)
from .analyses.flow import compute_flow, compute_missing
from .analyses.questions.subsets import Subset, choose_subset
from .analyses.rules.advice import advice
from .analyses.rules.choosing import CostChoice, choose_by_cost, choose_by_topic, make_rule
from .analyses.rules.combining import Combination, combine
from .analyses.rules.decision_costs import Costs, read_costs
from .analyses.rules.recommending import Recommendation, recommend
from .analyses.rules.rule import (
    Rule,
    RuleError,
    apply_rule,
    drift_reading,
    read_rule,
    rule_drift,
)
from .analyses.study.benchmark_analysis import benchmark_analyses
from .analyses.study.study import Study
from .analyses.thresholds import ThresholdChoice, choose_threshold
from .analyses.together import Analyses, compute_analyses
from .checks.metric_checks import check_metric
from .explorer.explorer import write_explorer
from .explorer.records import (
    AnswerRecord,
    Detail,
    Explored,
    JudgementRecord,
    QuestionText,
    SampleRecord,
    StatementRecord,
    TraceRecord,
)
from .figures.cascade_curve import CASCADE, cascade_figure
from .figures.drawing import Drawer
from .figures.task_figure import TaskContext, TaskFigure, task_figure
from .frames.csv_files import csv_text, undefused
from .frames.formatting import file_stems
from .frames.inputs import ReportInput
from .frames.page_addition import PageAddition
from .frames.style import FORMATS, Styles, figure_style
from .frames.traits import EstimatorTraits
from .metrics.calibration_error import (
    BrierParts,
    CalibrationBins,
    brier,
    brier_parts,
    calibration_bins,
    ece,
    log_loss,
    mass_bins,
    width_bins,
)
from .metrics.computing import MetricError, MetricFailure, compute_metrics
from .metrics.evaluation import ROWS, Evaluation, Rows, evaluations
from .metrics.information import mutual_information_share
from .metrics.metric import Metric, MetricDeclarationError, Needs, declaration, metric
from .metrics.metric_registry import METRIC_COLUMNS, builtin_metrics, user_metrics
from .metrics.ranking_metrics import (
    accuracy_at_coverage,
    augrc,
    aurc,
    coverage_at_risk,
    pr_auc,
    prr,
)
from .metrics.scored_group import ScoredGroup
from .metrics.topic_tables import to_latex, to_markdown, topic_tables
from .page.benchmark_analyses import BenchmarkAnalyses, build_benchmark_analyses
from .page.comparing import Comparison, build_comparison
from .page.report import Report, build_report
from .paper.build_paper import Paper, build_paper
from .statistics.bootstrap import (
    BootstrapInterval,
    bootstrap_roc_auc,
    paired_roc_auc_replicates,
    resample_weights,
    roc_auc_replicates,
)
from .statistics.delong import delong_covariance, delong_interval
from .statistics.intervals import (
    BOOTSTRAP_ALONE,
    SMALLEST_CLASS,
    newcombe_interval,
    percentile_interval,
    roc_auc_interval,
    wilson,
)
from .statistics.linear_trend import Trend, trend_test
from .statistics.ranking import (
    risk_coverage_curve,
    roc_auc,
    roc_curve,
    worst_case_roc_auc,
)
from .statistics.testing import (
    Difference,
    accuracy_test,
    area_influence,
    delong_test,
    holm,
    paired_models_test,
    separation,
    unpaired_test,
)

__all__ = [
    "BOOTSTRAP_ALONE",
    "CASCADE",
    "COMPARISON_COLUMNS",
    "FORMATS",
    "METRIC_COLUMNS",
    "ROWS",
    "SMALLEST_CLASS",
    "Analyses",
    "AnswerRecord",
    "BenchmarkAnalyses",
    "BootstrapInterval",
    "BrierParts",
    "CalibrationBins",
    "Cascade",
    "Combination",
    "Comparison",
    "CostChoice",
    "Costs",
    "Detail",
    "Difference",
    "Drawer",
    "EstimatorTraits",
    "Evaluation",
    "Explored",
    "JudgementRecord",
    "Metric",
    "MetricDeclarationError",
    "MetricError",
    "MetricFailure",
    "Needs",
    "PageAddition",
    "Paper",
    "QuestionText",
    "Recommendation",
    "Report",
    "ReportInput",
    "Rows",
    "Rule",
    "RuleError",
    "SampleRecord",
    "ScoredGroup",
    "StatementRecord",
    "Study",
    "Styles",
    "Subset",
    "TaskContext",
    "TaskFigure",
    "ThresholdChoice",
    "TraceRecord",
    "Trend",
    "accuracy_at_coverage",
    "accuracy_test",
    "advice",
    "apply_rule",
    "area_influence",
    "augrc",
    "aurc",
    "benchmark_analyses",
    "bootstrap_roc_auc",
    "brier",
    "brier_parts",
    "build_benchmark_analyses",
    "build_comparison",
    "build_paper",
    "build_report",
    "builtin_metrics",
    "calibration_bins",
    "cascade_figure",
    "check_metric",
    "choose_by_cost",
    "choose_by_topic",
    "choose_subset",
    "choose_threshold",
    "combine",
    "compare",
    "compute_analyses",
    "compute_cascade",
    "compute_flow",
    "compute_metrics",
    "compute_missing",
    "compute_split",
    "coverage_at_risk",
    "csv_text",
    "declaration",
    "delong_covariance",
    "delong_interval",
    "delong_test",
    "drift_reading",
    "ece",
    "evaluations",
    "figure_style",
    "file_stems",
    "holm",
    "log_loss",
    "make_rule",
    "mass_bins",
    "metric",
    "mutual_information_share",
    "newcombe_interval",
    "paired_models_test",
    "paired_roc_auc_replicates",
    "percentile_interval",
    "pr_auc",
    "prr",
    "read_costs",
    "read_rule",
    "recommend",
    "resample_weights",
    "risk_coverage_curve",
    "roc_auc",
    "roc_auc_interval",
    "roc_auc_replicates",
    "roc_curve",
    "rule_drift",
    "separation",
    "summarize_split",
    "task_figure",
    "to_latex",
    "to_markdown",
    "topic_tables",
    "trend_test",
    "undefused",
    "unpaired_test",
    "user_metrics",
    "width_bins",
    "wilson",
    "worst_case_roc_auc",
    "write_explorer",
]
