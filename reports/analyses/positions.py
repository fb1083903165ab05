"""Does the model prefer some option letters? Predicted against gold letter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ..frames.inputs import ReportInput
from ..metrics.evaluation import Evaluation, keys
from ..statistics.ranking import FloatArray, IntArray
from ..statistics.short_repr import short_repr

SMALLEST_EXPECTED = 5
POSITION_COLUMNS = ("model", "task", "letter", "gold", "predicted", "right", "recall", "excess")


@short_repr
@dataclass(frozen=True)
class Positions:
    """Answers of one model on one task by option letter, parsed rows with a known gold letter.

    Attributes:
        letters: L letters that occur.
        gold: (L,) questions whose right option has the letter.
        predicted: (L,) answers that name it.
        right: (L,) those that are both.
    """

    model: str
    task: str
    letters: list[str]
    gold: IntArray
    predicted: IntArray
    right: IntArray

    @property
    def recall(self) -> FloatArray:
        """(L,) accuracy where the letter is the right one, NaN where it never is."""
        with np.errstate(invalid="ignore"):
            recall: FloatArray = np.where(self.gold > 0, self.right / self.gold, np.nan)
        return recall

    def chi_square(self) -> tuple[float, int, float]:
        """χ², degrees of freedom and p of "letters are predicted as often as they are right".

        No test (0 degrees, NaN) where a letter is expected fewer than five times (Cochran, 1954).
        """
        expected = self.predicted.sum() * self.gold / max(int(self.gold.sum()), 1)
        used = expected > 0
        freedom = int(used.sum()) - 1
        if freedom < 1 or expected[used].min() < SMALLEST_EXPECTED:
            return float("nan"), 0, float("nan")
        statistic = float(((self.predicted - expected)[used] ** 2 / expected[used]).sum())
        return statistic, freedom, float(chi2.sf(statistic, freedom))

    def recall_spread(self) -> float:
        """Standard deviation of the recalls over letters, in [0, 1/2] (RStd, arXiv 2309.03882)."""
        known = self.recall[~np.isnan(self.recall)]
        return float(known.std()) if known.size else float("nan")

    def frame(self) -> pd.DataFrame:
        """One row per letter; `excess` is the share of predictions minus the share of golds."""
        total = max(int(self.gold.sum()), 1)
        return pd.DataFrame(
            {
                **{"model": self.model, "task": self.task, "letter": self.letters},
                **{"gold": self.gold, "predicted": self.predicted, "right": self.right},
                **{"recall": self.recall, "excess": (self.predicted - self.gold) / total},
            },
            columns=list(POSITION_COLUMNS),
        )


def compute_positions(data: ReportInput, evaluation: Evaluation) -> Positions | None:
    """Counts by letter; None where no row has both a gold letter and an answer."""
    questions = data.questions[data.questions["task"].astype(str) == evaluation.task]
    gold = pd.Series(questions["gold"].to_numpy(dtype=object), index=keys(questions["question_id"]))
    gold = gold[~gold.index.duplicated()].reindex(evaluation.question_ids)
    answers = pd.Series(evaluation.answers, index=gold.index, dtype=object)
    known = gold.notna() & answers.notna()
    right, answered = gold[known].astype(str), answers[known].astype(str)
    letters = sorted(set(right) | set(answered), key=lambda name: (len(name), name))
    if not letters:
        return None
    counts = [
        np.array([int((part == letter).sum()) for letter in letters], dtype=np.int64)
        for part in (right, answered, right[right == answered])
    ]
    return Positions(evaluation.model, evaluation.task, letters, *counts)
