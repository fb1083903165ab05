"""Files that `apprehend report` writes, against golden ones; golden_files.py rewrites them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from golden_files import FILES, GOLDEN, write_report
from sklearn.metrics import roc_auc_score

NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("golden"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".csv")])
def test_csv_files(report, name):
    made, golden = (pd.read_csv(folder / name) for folder in (report, GOLDEN))
    pd.testing.assert_frame_equal(made, golden, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith(".csv")])
def test_text_tables(report, name):
    """Words and layout exactly; shown numbers to one unit of their third decimal."""
    made, golden = ((folder / name).read_text(encoding="utf-8") for folder in (report, GOLDEN))
    assert NUMBER.sub("#", made) == NUMBER.sub("#", golden)
    numbers = [np.array(NUMBER.findall(text), dtype=float) for text in (made, golden)]
    np.testing.assert_allclose(*numbers, atol=0.00101)


def test_the_golden_values_are_those_of_the_answers():
    """scikit-learn on the recorded answers; unparsed ones are wrong and the most uncertain."""
    answers = pd.read_json(GOLDEN / "answers.jsonl", lines=True)
    metrics = pd.read_csv(GOLDEN / "metrics.csv")
    pooled = metrics[metrics["topic"] == "all"].set_index(["model", "estimator"])
    for model, own in answers.groupby("model"):
        errors = own["answer"].isna() | (own["answer"] != own["gold"])
        doubt = 1 - own["probabilities"].map(lambda p: max(p) / sum(p))
        for estimator, score in (("mine", own["mine"]), ("max_probability", doubt)):
            worst = score.where(own["answer"].notna(), np.inf).replace(np.inf, 1e9)
            known = worst.notna()
            row = pooled.loc[(model, estimator)]
            area = roc_auc_score(errors[known], worst[known])
            assert row["roc_auc"] == pytest.approx(area, abs=1e-12)
            assert row["n_errors"] == errors[known].sum()
            assert row["n_missing"] == (~known).sum()
