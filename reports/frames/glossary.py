"""Terms of the report's glossary; those of metrics derive from their declarations."""

from __future__ import annotations

from ..statistics.intervals import BOOTSTRAP_ALONE, FEW_MARK, FEW_MEANING

GLOSSARY: tuple[tuple[str, str], ...] = (
    (
        "score",
        "Uncertainty of one answer as given by an estimator. Higher = more likely wrong.",
    ),
    (
        "error",
        "A wrong answer; the positive class of every metric. A response from which no answer "
        "could be parsed counts as an error with the worst score, unless the paper's filter "
        "drops it.",
    ),
    (
        "[low, high]",
        "95 % confidence interval. For a ROC AUC: stratified bootstrap, with errors and correct "
        f"answers resampled separately; with fewer than {BOOTSTRAP_ALONE} of either, the wider of "
        "the bootstrap and Newcombe's (2006) score interval, which also replaces the bootstrap "
        "where all resamples are identical. For shares: the exact interval of Clopper and "
        "Pearson.",
    ),
    (
        FEW_MARK,
        f"From {FEW_MEANING}: so few answers cannot distinguish a good score from a bad one.",
    ),
    (
        "all, macro",
        "all: all questions pooled. macro: unweighted mean over the topics with a defined value, "
        "with the number of these topics. Topics too small for an interval of their own are "
        "included; the mean then has no interval in metrics.csv and in the tables by topic.",
    ),
    (
        "distinguishable",
        "A difference whose p-value, Holm-adjusted over all comparisons of its family, is below "
        "0.05. Not distinguishable does not mean equal.",
    ),
    (
        "d′",
        "Separation: √2 times the normal quantile of the AUC. The difference of two is the effect "
        "size of a comparison; positive values favor the first.",
    ),
    (
        "conformal set",
        "A set of options that contains the correct one with probability 1 - α on average over "
        "all questions. Coverage near 1 - α and small sets are better.",
    ),
    (
        "n-flow",
        "Questions asked, answered (a record is stored), parsed (an option was found), scored by "
        "each estimator, and common to all estimators.",
    ),
)
ROWS_MEANING = {
    "all": "All rows: an unparsed response is an error with the worst score; other missing scores "
    "are excluded and counted.",
    "paper": "The reference paper's filter: parsed answers only and, where judge ratings are "
    "stored, only questions rated at least 9.",
}
