"""Terms of the report; those of the metrics follow from their declarations."""

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
        "distinguishable",
        "A difference whose p-value, adjusted by Holm over all differences of its family, is "
        "below 0.05. Not distinguishable does not mean equal.",
    ),
    (
        "d′",
        "Separation: √2 times the normal quantile of the AUC. Its difference is the effect size "
        "of a comparison; positive favors the first.",
    ),
    (
        "conformal set",
        "A set of options that holds the right one with probability 1 - α on average over all "
        "questions. Coverage near 1 - α and small sets are better.",
    ),
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
