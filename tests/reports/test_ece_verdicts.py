"""The published calibration errors beside stored ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import ReportInput
from apprehend.reports.metrics.evaluation import evaluations
from apprehend.reports.paper.ece_verdicts import compute_ece_verdicts, ece_replicates
from apprehend.reports.paper.published_tables import published
from apprehend.reports.paper.verdicts import DIFFERS, REPRODUCED, UNKNOWN

N = 4000


def plain_ece(errors, scores, bins=15):
    """Naeini et al. (2015), bin by bin, on confidence 1 - score and accuracy."""
    total, confidence, right = 0.0, 1 - scores, ~errors
    for k in range(bins):
        low, high = 1 - (k + 1) / bins, 1 - k / bins
        inside = (confidence > low) & (confidence <= high) | ((k == bins - 1) & (confidence == 0))
        if inside.any():
            total += inside.sum() * abs(confidence[inside].mean() - right[inside].mean())
    return total / errors.size


def stored(estimator="post_answer_entropy", shift=0.357, model="phi-4", n=N):
    """Scores whose ECE is about `shift`: errors are that much more frequent than H / max H."""
    rng = np.random.default_rng(0)
    share = rng.random(n) * 0.6
    share[0] = 1.0
    return pd.DataFrame(
        {
            **{"model": model, "task": "mmlu_pro_direct", "question_id": np.arange(n)},
            **{"topic": "law", "estimator": estimator, "score": 3 * share, "answer": "A"},
            "correct": rng.random(n) >= share + shift,
            **{"status": pd.Series(["parsed"] * n, dtype=object), "reason": None},
        }
    )


def verdict(frame, model="Phi-4", ratings=None):
    data = ReportInput(frame) if ratings is None else ReportInput(frame, ratings=ratings)
    found = compute_ece_verdicts(evaluations(data, "paper"), evaluations(data, "all"), 300)
    assert len(found) == len(published("ece")) == 4
    return found.set_index("model").loc[model]


def test_a_value_in_the_interval_is_reproduced():
    frame = stored()
    found = verdict(frame)
    scores = frame["score"].to_numpy() / frame["score"].max()
    assert found["ece"] == pytest.approx(plain_ece(~frame["correct"].to_numpy(), scores), abs=1e-12)
    assert found["ece_low"] < 0.357 < found["ece_high"]
    assert (found["verdict"], found["reason"]) == (REPRODUCED, "")
    assert found["difference"] == found["ece"] - 0.357
    assert found["n"] == N


def test_what_is_not_stored_is_said():
    assert verdict(stored())[["verdict", "reason"]].tolist() == [REPRODUCED, ""]
    other = verdict(stored(), "Mistral-24B")
    assert other["verdict"] == UNKNOWN
    assert other["reason"].startswith("model not stored")
    lacking = verdict(stored("token_entropy"))
    assert (lacking["verdict"], lacking["reason"]) == (UNKNOWN, "post_answer_entropy not stored")


def test_each_difference_has_its_reason():
    far = stored(shift=0.1)
    assert verdict(far)["verdict"] == DIFFERS
    assert verdict(far)["reason"] == "not explained"
    # an entropy at the other position, constant and at the published distance from the error rate
    rate = 1 - far["correct"].mean()
    other = np.full(N, rate - 0.357 if rate > 0.357 else rate + 0.357)
    other[0] = 1.0
    both = pd.concat([far, far.assign(estimator="token_entropy", score=2 * other)])
    assert verdict(both)["reason"] == "token position: token_entropy agrees"
    turned = far.assign(score=3 * np.append(1.0, np.full(N - 1, 1 - other[1])))
    assert verdict(turned)["reason"].startswith("sign")


def test_the_row_filter_explains_a_difference():
    """0.557 - 0.2 on all rows; 0.25 - 0.2 on the quarter that a judge rated 9 or more."""
    ids = np.arange(N)
    rated = ids < N // 4
    wrong = np.where(rated, ids < 250, ids - 1000 < 0.557 * N - 250)
    score = np.where(ids == 0, 1.0, 0.2)
    frame = stored().assign(correct=~wrong, score=score)
    ratings = pd.DataFrame(
        {"task": "mmlu_pro_direct", "question_id": ids, "rating": np.where(rated, 10.0, 5.0)}
    )
    found = verdict(frame, ratings=ratings)
    assert found["ece_all_rows"] == pytest.approx(0.357, abs=0.0005)
    assert found["ece"] == pytest.approx(0.05, abs=0.002)
    assert (found["n"], found["verdict"]) == (N // 4, DIFFERS)
    assert found["reason"] == "row filter: the value on all rows agrees"


def test_replicates_equal_resampled_rows():
    from apprehend.reports import ece, resample_weights

    rng = np.random.default_rng(3)
    errors, scores = rng.random(60) < 0.4, rng.random(60)
    drawn = ece_replicates(errors, scores, 5, 9)
    for column, value in zip(resample_weights(errors, 5, 9).T, drawn, strict=True):
        rows = np.repeat(np.arange(60), column)
        assert value == pytest.approx(ece(errors[rows], scores[rows]), abs=1e-12)
    assert ece_replicates(np.ones(5, dtype=bool), np.ones(5), 5, 0).size == 0
