"""Every figure of the report: its title and how to read it; the key starts the file's name."""

from __future__ import annotations

FIGURES: dict[str, tuple[str, str]] = {
    "leaderboard": (
        "Leaderboard of estimators",
        "ROC AUC over all questions with its 95 % interval; the open diamond is the unweighted "
        "mean over topics. To the left of the line at 0.5 a score points the wrong way. Hollow, "
        "grey and †: too few answers for an interval or a rank.",
    ),
    "roc_auc_heatmap": (
        "ROC AUC by estimator and topic",
        "Best estimator on top. Blue: above chance, vermilion: below. In parentheses the number "
        "of questions; a dash: one class only; grey without colour: too few answers for an "
        "interval.",
    ),
    "roc_auc_by_topic": (
        "ROC AUC by topic",
        "Bars start at chance (0.5); to its left a score points the wrong way. Lines are 95 % "
        "intervals; bars without one are hollow: too few answers. In parentheses the number of "
        "questions.",
    ),
    "roc_auc_by_stratum": (
        "ROC AUC by stratum",
        "As above, by stratum of the questions, such as the judge's number of reasoning steps.",
    ),
    "roc_auc_trend": (
        "Trend of the ROC AUC",
        "The best eight estimators; lines upright are 95 % intervals. p: no straight trend, "
        "weighted by precision, Holm-adjusted over all estimators.",
    ),
    "roc_curves": (
        "ROC curves",
        "All questions pooled: flagging the most uncertain answers first, the share of errors "
        "found against the share of correct answers flagged with them.",
    ),
    "pr_curves": (
        "Precision-recall curves",
        "All questions pooled: of the answers flagged so far the share that are errors, against "
        "the share of all errors found. Dotted: a random order.",
    ),
    "risk_coverage": (
        "Risk-coverage curves",
        "Error rate of the most certain answers against the share that is kept. Dotted: a random "
        "order; black: an oracle that keeps every right answer first.",
    ),
    "score_histograms": (
        "Scores by correctness",
        "Questions per bin of the score; entropies in bins of 0.1. The outer bins hold what lies "
        "beyond them.",
    ),
    "reliability": (
        "Reliability diagrams",
        "Accuracy against confidence (1 - score) over ten bins, with a 95 % band; on the diagonal "
        "a score means what it says. Grey: share of the questions per bin. Calibrated: isotonic, "
        "each half of the questions fitted on the other.",
    ),
    "conformal_sets": (
        "Conformal sets at α = 0.1",
        "Left: how often the set holds the right option, with 95 % intervals; the line is the "
        "target. Right: how many options it holds. Calibrated on the other half of all questions, "
        "so that a topic may miss the target.",
    ),
    "option_positions": (
        "Option letters",
        "How often each letter is right and how often it is answered; diamonds: accuracy where it "
        "is right. The test asks whether letters are answered as often as they are right.",
    ),
    "correlation": (
        "Rank correlation of the estimators",
        "Spearman's, on the questions that both scored. Near 1: two names for one thing.",
    ),
    "n_flow": ("Questions (n-flow)", "Shares are of the questions asked."),
    "tasks_side_by_side": (
        "Two ways of asking, side by side",
        "Accuracy and the ROC AUC of each task's best estimator, by topic; numbers in the legend "
        "are over all questions.",
    ),
    "figure_2a": (
        "Figure 2a",
        "Share of the questions that the judge says require reasoning, by topic.",
    ),
    "figure_2b": (
        "Figure 2b",
        "Share of the questions by the judge's number of reasoning steps, by topic.",
    ),
    "figure_3": (
        "Figures 3 and 7",
        "Questions per 0.1 nats of entropy (finer where all lie below 1 nat), by correctness.",
    ),
    "figure_4": (
        "Figure 4",
        "Points: here, with 95 % intervals; open squares: as published (first source). Right of "
        "the line errors have the higher entropy.",
    ),
    "figure_5": ("Figure 5", "As Figure 4, by the judge's labels."),
    "figure_6": (
        "Figure 6",
        "Confidence as one minus the entropy over the largest one seen: no probability, shown "
        "because it was published so. Grey: share of the questions.",
    ),
    "token_position": (
        "Token position",
        "ROC AUC of the entropy from which the answer token is drawn, against that one token "
        "later, as the first paper's code reads it.",
    ),
    "roc_auc_models": (
        "Models and estimators",
        "ROC AUC over all questions. Blue: above chance, vermilion: below.",
    ),
    "model_size": (
        "Against size",
        "The line is a power law fitted in logarithms, with the 95 % band of its mean; it needs "
        "three sizes.",
    ),
    "cascade": (
        "Cascade",
        "Accuracy when the small model's most uncertain answers are sent to the large one, against "
        "the share sent. Straight: the same share at random.",
    ),
    "u_curve": (
        "U-curve",
        "Mean score by the share of the other stored models that are wrong; lines upright are "
        "95 % intervals. High at both ends: doubt that difficulty does not explain.",
    ),
    "error_clusters": (
        "Shared causes of errors",
        "Share of each topic's questions whose strongest cause it is; the rest of a topic are "
        "questions that every model gets right. Named by the topics it stands out in.",
    ),
    "judge_labels": (
        "What the judges say",
        "Shares of the labels; numbers are rounded to tenths. One colour all along: a judge that "
        "does not discriminate.",
    ),
}
