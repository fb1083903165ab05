"""Terms of the report, each with its orientation."""

from __future__ import annotations

from ..statistics.intervals import BOOTSTRAP_ALONE, FEW_MARK, FEW_MEANING

GLOSSARY: tuple[tuple[str, str], ...] = (
    (
        "score",
        "Uncertainty of one answer as an estimator gives it. Higher = more likely wrong.",
    ),
    (
        "error",
        "A wrong answer; the positive class of every metric. A response in which no answer was "
        "found counts as an error with the worst score, unless the paper's filter drops it.",
    ),
    (
        "ROC AUC",
        "Probability that an error has a higher score than a correct answer, ties one half. "
        "0.5 is chance, 1 perfect; below 0.5 the score points the wrong way. Undefined (–) where "
        "all answers are right or all wrong. Higher is better.",
    ),
    (
        "[low, high]",
        "95 % interval. Of a ROC AUC by stratified bootstrap, errors and correct answers resampled "
        f"separately; with fewer than {BOOTSTRAP_ALONE} of either the wider of it and Newcombe's "
        "(2006) score interval, which also stands in where all resamples are alike. Of shares "
        "Clopper and Pearson's, which is exact.",
    ),
    (
        FEW_MARK,
        f"From {FEW_MEANING}: so few answers cannot tell a good score from a bad one.",
    ),
    (
        "all, macro",
        "All questions pooled; the unweighted mean over the topics with a defined value, with how "
        "many these are of how many. Topics too small for an interval of their own count in it; "
        "the mean then has no interval either.",
    ),
    (
        "PR AUC",
        "Average precision with errors as positives; chance is the error rate. Higher is better.",
    ),
    (
        "PRR",
        "Prediction rejection ratio: gain in accuracy from rejecting the most uncertain answers, "
        "relative to an oracle. 0 is chance, 1 the oracle. Higher is better.",
    ),
    (
        "AURC",
        "Area under the risk-coverage curve: mean error rate of the k most certain answers over "
        "all k. Lower is better; chance is the error rate.",
    ),
    (
        "AUGRC",
        "Area under the generalised risk-coverage curve: average joint probability of being kept "
        "and wrong. Lower is better; chance is half the error rate.",
    ),
    (
        "information",
        "I(score; error) / H(error): the part of the doubt about right or wrong that the score "
        "takes away, over ten bins of equal mass. 0 to 1, higher is better, whatever the "
        "direction.",
    ),
    (
        "ECE",
        "Expected calibration error: mean distance between claimed probability and share of "
        "errors over 15 bins, [0, 1/15), …, [14/15, 1], or bins of equal mass. Lower is better. "
        "Only for scores that are probabilities of an error.",
    ),
    (
        "Brier score",
        "Mean squared distance of the claimed probability of an error from 0 or 1; reliability "
        "(lower is better) less resolution (higher is better) plus uncertainty, but for a small "
        "rest within the bins.",
    ),
    (
        "distinguishable",
        "A difference whose p-value, adjusted by Holm over all differences of its family, is "
        "below 0.05. Not distinguishable does not mean equal.",
    ),
    (
        "d′",
        "Separation: √2 times the normal quantile of the AUC. Its difference is the effect size "
        "of a comparison; positive favours the first.",
    ),
    (
        "conformal set",
        "A set of options that holds the right one with probability 1 - α on average over all "
        "questions. Coverage near 1 - α and small sets are better.",
    ),
    (
        "coverage at 10 % risk",
        "Largest share of the answers that a threshold can keep with at most 10 % of errors.",
    ),
    ("accuracy at 10 %", "Accuracy of the 10 % most certain answers; likewise 25 % and 50 %."),
    ("coverage", "Share of the questions for which the estimator gave a score."),
    (
        "worst-case AUC",
        "ROC AUC if each missing score were as misleading as possible: lowest on errors, highest "
        "on correct answers.",
    ),
    ("common AUC", "ROC AUC on the questions that every estimator scored."),
    (
        "n-flow",
        "Questions asked, answered (a record is stored), parsed (an option was found), scored by "
        "each estimator, and common to all estimators.",
    ),
)
ROWS_MEANING = {
    "all": "All rows: a response without an answer is wrong and gets the worst score; other "
    "missing scores are left out and counted.",
    "paper": "The reference paper's filter: parsed answers only and, where judge ratings are "
    "stored, only questions rated at least 9.",
}
