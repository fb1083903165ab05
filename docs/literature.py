"""The table of docs/literature.md: systems of the literature and what they are here.

    APPREHEND_WRITE_DOCS=1 .venv/bin/python -m pytest tests/test_literature.py

rewrites it. Estimators, metrics and analyses follow from their declarations; `ANALYSIS_TESTS`,
`METRIC_TESTS` and `COMMANDS` add what these do not say.
"""

from __future__ import annotations

from dataclasses import dataclass

from apprehend.estimators.registry import estimator_table
from apprehend.reports import builtin_metrics
from apprehend.reports.analyses.study.benchmark_analysis import benchmark_analyses

QUESTIONS = "tests/reports/test_question_models.py"
WORTH = "tests/reports/test_score_worth.py"
BEHAVIOR = "tests/reports/test_answer_behavior.py"
RULES = "tests/reports/test_rules.py"
DECIDE = "tests/reports/test_decisions.py"
CALIBRATION = "tests/reports/test_calibration.py"
BENCHMARK = "tests/reports/test_benchmark_analyses.py"


@dataclass(frozen=True)
class Row:
    """One system: what it is called, its source, what it is here, its check, and its command."""

    system: str
    source: str
    here: str
    check: str
    """A test, as ``file::function``."""
    by: str
    """What the test compares with."""
    command: str


ANALYSIS_TESTS: dict[str, tuple[str, str]] = {
    "flips": (f"{BEHAVIOR}::test_flip_rates_by_direction", "counts by hand"),
    "gold_ranks": (
        f"{BEHAVIOR}::test_rank_of_gold_is_the_mean_over_random_tie_breaks",
        "all orders of tied options",
    ),
    "published_order": (
        f"{BEHAVIOR}::test_the_flags_chance_is_that_of_all_orders",
        "every order as the published one",
    ),
    "id_priors": (f"{BEHAVIOR}::test_priors_over_ids_are_counts", "counts by hand"),
    "runs": (
        f"{BEHAVIOR}::test_moments_of_runs_are_those_of_all_orders",
        "all orders of short sequences",
    ),
    "sampling_bounds": (f"{BEHAVIOR}::test_lower_bounds_are_scipys", "scipy's binomtest"),
    "overconfidence": (
        f"{BEHAVIOR}::test_sampling_bounds_and_overconfidence",
        "closed form",
    ),
    "uncertainty_maps": (
        f"{BEHAVIOR}::test_maps_and_the_confident_that_diverge",
        "sorted scores",
    ),
    "confident_divergent": (
        f"{BEHAVIOR}::test_maps_and_the_confident_that_diverge",
        "medians",
    ),
    "effective_numbers": (f"{QUESTIONS}::test_effective_number_is_vendis", "vendi-score"),
    "facets": (
        f"{QUESTIONS}::test_abilities_equal_girths",
        "girth; the likelihood by adaptive quadrature",
    ),
    "suspicious_labels": (
        f"{QUESTIONS}::test_planted_wrong_labels_stand_out",
        "labels that were replaced",
    ),
    "shared_structure": (
        f"{QUESTIONS}::test_structure_beyond_difficulty_is_found_only_where_there_is_one",
        "models with and without a shared cause",
    ),
    "flipped_labels": (
        f"{WORTH}::test_the_expected_auc_is_that_of_enumerated_flips",
        "closed form",
    ),
    "regimes": (f"{BEHAVIOR}::test_regimes_are_paired_gaps", "counts by hand"),
    "reruns": (f"{BEHAVIOR}::test_reruns_and_kappa", "scikit-learn's κ"),
    "conformal_bounds": (f"{WORTH}::test_conformal_bound_is_an_upper_bound", "closed form"),
    "information_values": (
        f"{WORTH}::test_divergence_is_both_kullback_leibler_divergences",
        "scipy's entropy; numerical gradient",
    ),
    "stability": (f"{WORTH}::test_chance_and_p_hold_without_a_shift", "simulation"),
    "entropy_mechanism": (f"{WORTH}::test_mechanism_recovers_its_parameters", "closed form"),
    "scaling": (f"{WORTH}::test_power_law_is_curve_fits", "scipy's curve_fit"),
    "temperature_sensitivity": (
        f"{WORTH}::test_temperature_sensitivity_counts_chains",
        "counts by hand; 1/t! of chance",
    ),
}
"""Declared analysis → its test, and what that compares with."""

METRIC_TESTS: dict[str, tuple[str, str]] = {
    "ranking_metrics": (
        "tests/reports/test_ranking.py::test_roc_auc_and_pr_auc_equal_scikit_learn",
        "scikit-learn and loops",
    ),
    "information": (
        f"{CALIBRATION}::test_information_equals_scikit_learn_less_its_bias",
        "scikit-learn",
    ),
    "calibration_error": (
        f"{CALIBRATION}::test_brier_and_log_loss_equal_scikit_learn",
        "scikit-learn, netcal",
    ),
    "abstention": (
        "tests/reports/test_abstention.py::test_points_and_scores_are_their_definitions",
        "loops",
    ),
}
"""Module of metrics → its test, and what that compares with."""

COMMANDS: tuple[Row, ...] = (
    Row(
        "Selection-corrected best estimator",
        "Tibshirani and Tibshirani 2009, doi 10.1214/08-AOAS224",
        "the best ROC AUC of many with an interval that repeats the choice; `selection.csv`",
        f"{WORTH}::test_the_best_of_many_that_know_nothing_is_corrected",
        "simulation",
        "apprehend report results",
    ),
    Row(
        "Cost-sensitive rejection (Chow)",
        "Chow 1970, doi 10.1109/TIT.1970.1054406",
        "threshold of lowest expected cost; abstain or escalate, whichever is cheaper",
        f"{RULES}::test_the_cheapest_threshold_is_that_of_all_thresholds",
        "all thresholds; closed form",
        "apprehend threshold results --estimator E --cost wrong=10,abstain=1,escalate=3",
    ),
    Row(
        "Learn then test",
        "arXiv 2110.01052",
        "threshold per topic whose error rate is guaranteed with a probability",
        f"{RULES}::test_the_guarantee_holds_in_simulation",
        "simulation; scipy's binomtest",
        "apprehend threshold results --estimator E --by_topic ltt",
    ),
    Row(
        "Conformal risk control",
        "arXiv 2208.02814",
        "threshold per topic that bounds the expected share of answers given and wrong",
        f"{RULES}::test_the_guarantee_holds_in_simulation",
        "simulation",
        "apprehend threshold results --estimator E --by_topic crc",
    ),
    Row(
        "Drift of a score",
        "Yurdakul 2018",
        "stability index of new scores against those that a rule was made of",
        f"{RULES}::test_drift_is_seen_where_there_is_one",
        "simulation",
        "apprehend apply rule.json results",
    ),
    Row(
        "Recommendation within a budget",
        "apprehend",
        "best macro ROC AUC within a cost class, its probability, what cheaper ones lose, n needed",
        f"{RULES}::test_recommendation_within_a_budget",
        "the values by hand",
        "apprehend recommend results",
    ),
    Row(
        "Stacking with a greedy choice within a budget",
        "Wolpert 1992, doi 10.1016/S0893-6080(05)80023-1; the choice: apprehend",
        "which two (or more) scores are worth having together, and their gain out of fold over "
        "the best single one",
        "tests/reports/test_combining.py::test_named_scores_equal_scikit_learn",
        "scikit-learn's `cross_val_predict`, to 1e-9",
        "apprehend recommend results --together 2",
    ),
    Row(
        "Small benchmark (InfoSynth, MIG, tinyBenchmarks)",
        "arXiv 2402.14992; herding: doi 10.1145/1553374.1553517",
        "questions that keep the ranking of models, measured on models left out of the choice",
        f"{RULES}::test_a_subset_keeps_the_ranking_of_models_left_out",
        "models left out",
        "apprehend subset results --size 600",
    ),
    Row(
        "Principle of the common cause (NMF)",
        "Lee and Seung 2001",
        "shared causes of errors by masked nonnegative factorization",
        f"{BENCHMARK}::test_two_causes_are_found_named_and_stable",
        "models with two causes",
        "apprehend analyse results",
    ),
    Row(
        "U-curve of entropy against difficulty (DiffAdapt)",
        "DiffAdapt",
        "mean score by the share of other models that are wrong",
        f"{BENCHMARK}::test_the_u_curve_bins_by_the_others",
        "counts by hand",
        "apprehend analyse results",
    ),
    Row(
        "Cascade of a small and a large model",
        "arXiv 2305.05176",
        "accuracy and cost of routing uncertain questions",
        f"{DECIDE}::test_the_cascade_equals_sending_on_question_by_question",
        "question by question",
        "apprehend cascade results --small A --large B --by E",
    ),
)
"""Systems that are commands, or analyses of the first release."""

LEFT_OUT: tuple[tuple[str, str, str], ...] = (
    (
        "RAUQ (uncertainty-aware attention heads)",
        "arXiv 2505.20045",
        "needs attention weights, which no engine shows: those of `hf` attend to shared prefixes "
        "in parts that are merged without ever holding the weights",
    ),
    (
        "GAAP (genetic search over perturbed stems)",
        "arXiv 2506.09684",
        "needs the model: perturbed stems are another prompt variant that nothing collects yet",
    ),
    (
        "Novelty of a question set",
        "InfoSynth",
        "needs embeddings of texts; `apprehend subset` reports the diversity by outcomes instead",
    ),
)
"""System, source and why it is not here."""


def rows() -> list[Row]:
    """List all rows: estimators, metrics, analyses, commands."""
    oracles = "tests/estimators/test_oracles.py::test_estimator_equals_its_oracle"
    learning = (
        "tests/estimators/test_learning_oracles.py::test_learning_estimator_equals_its_oracle"
    )
    made = [
        Row(
            f"`{one.name}`",
            one.source,
            f"estimator ({one.family}): {one.summary}",
            learning if one.learns else oracles,
            "an oracle written apart, to 1e-9",
            f"apprehend score results --estimators {one.name}",
        )
        for one in estimator_table()
    ]
    for metric in builtin_metrics().values():
        module = (getattr(metric.compute, "func", metric.compute)).__module__.rsplit(".", 1)[-1]
        if module == "ranking":
            module = "ranking_metrics"
        if module in METRIC_TESTS and metric.source != "apprehend":
            check, by = METRIC_TESTS[module]
            what = f"metric: {metric.meaning}"
            made.append(
                Row(f"`{metric.name}`", metric.source, what, check, by, "apprehend report results")
            )
    for file, analysis in benchmark_analyses().items():
        check, by = ANALYSIS_TESTS.get(file, ("", ""))
        what = f"analysis `{file}.csv`: {analysis.meaning}"
        command = "apprehend analyse results"
        made.append(Row(analysis.title, analysis.source, what, check, by, command))
    return [*made, *COMMANDS]


def markdown() -> str:
    """Format the page."""
    lines = [
        "# Systems of the literature",
        "",
        "What each is here, how it is checked, and the command that shows it. Generated by",
        "`APPREHEND_WRITE_DOCS=1 pytest tests/test_literature.py` from the declarations and",
        "`docs/literature.py`.",
        "",
        "| system | source | what it is here | checked by | against | command |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows():
        cells = (row.system, row.source, row.here, f"`{row.check}`", row.by, f"`{row.command}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", "## Not here", "", "| system | source | why |", "|---|---|---|"]
    lines += [f"| {' | '.join(cells)} |" for cells in LEFT_OUT]
    return "\n".join(lines) + "\n"
