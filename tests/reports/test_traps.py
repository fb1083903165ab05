"""Known defects of other packages' statistics; each test fails on a package that has it."""

from __future__ import annotations

import numpy as np
import pytest
from apprehend.reports import bootstrap_roc_auc
from apprehend.reports.metrics.calibration_error import ece


def test_labels_and_scores_are_resampled_together():
    """Drawn with indices of their own, a perfect score would come out at about 0.5."""
    errors = np.arange(200) % 3 == 0
    interval = bootstrap_roc_auc(errors, errors + np.linspace(0, 0.5, 200))
    assert (interval.replicates == 1).all()
    assert (interval.low, interval.high) == (pytest.approx(0.978, abs=0.001), 1.0)


def test_calibration_error_takes_probabilities_as_they_are():
    """Stretched to [0, 1] by their minimum and maximum, calibrated ones would look 0.2 off."""
    rng = np.random.default_rng(5)
    scores = rng.uniform(0.3, 0.7, 200_000)
    errors = rng.uniform(size=len(scores)) < scores
    assert ece(errors, scores) < 0.01
    stretched = (scores - scores.min()) / (scores.max() - scores.min())
    assert ece(errors, stretched) > 0.1
