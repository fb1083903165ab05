"""docs/findings.py: recorded regimes and stated confidences, against scikit-learn's tables."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))
import findings
from apprehend.reports import evaluations
from helpers import in_process

DOCS = Path(findings.__file__).parent


@pytest.fixture(scope="module")
def evaluated(recorded_folder: Path, tmp_path_factory: pytest.TempPathFactory):
    """One model asked directly and after a chain of thought, two with stated confidences."""
    folder = tmp_path_factory.mktemp("findings")
    if not (recorded_folder / findings.REGIMES).is_file():
        pytest.skip("the recorded regimes are not there")
    kept = ("llama3.1-8B", "claude-opus-4-5", "gpt-oss-120b")
    for model, step in findings.imports(recorded_folder, folder / "converted"):
        if model in kept:
            done = in_process(["import", *step, "--output_path", folder / "results"], folder)
            assert done.returncode == 0, done.stderr
    from apprehend.benchmark.reporting.report_inputs import report_input
    from apprehend.benchmark.store.task_store import Results

    return evaluations(report_input(Results(folder / "results")))


@pytest.mark.slow
def test_before_and_after_equals_the_expected_table(recorded_folder, evaluated):
    expected = pd.read_csv(
        recorded_folder / "tables" / "expected_auc_mmlu_direct_and_after_cot.csv"
    )
    for task, regime in ((findings.DIRECT, "direct"), (findings.AFTER, "after_cot")):
        (one,) = [e for e in evaluated if e.task == task]
        own = expected[expected["model"].eq("llama3.1-8B") & expected["regime"].eq(regime)].iloc[0]
        score = one.raw[:, one.estimators.index(findings.ENTROPY)]
        assert one.errors.size == own["n"]
        assert 1 - one.errors.mean() == pytest.approx(own["accuracy"], abs=1e-4)
        area = roc_auc_score(one.errors, score)
        assert area == pytest.approx(own["auc_option_entropy"], abs=1e-6)
    pairs, subjects = findings.before_after(evaluated)
    (row,) = pairs.to_dict("records")
    assert row["accuracy_low"] > 0
    assert row["auc_high"] < -0.05
    assert row["macro_high"] < -0.05
    assert row["subjects"] == len(subjects)
    assert row["macro_change"] == pytest.approx(subjects["difference"].mean(), abs=1e-12)


@pytest.mark.slow
def test_stated_confidence_equals_the_published_values(recorded_folder, evaluated):
    published = pd.read_csv(recorded_folder / findings.PUBLISHED)
    table = findings.stated_confidence(evaluated, published)
    domains = table[table["published"].notna()]
    assert len(domains) == 12
    np.testing.assert_allclose(domains["roc_auc"], domains["published"], atol=0.02)
    expected = pd.read_csv(recorded_folder / "tables" / "expected_auc_verbalized_confidence.csv")
    by_name = expected.assign(model=expected["model"].map(findings.stored_name)).set_index("model")
    pooled = table[table["domain"] == "all"].set_index("model")
    value = by_name.loc["claude-opus-4-5", "auc"]
    assert pooled.loc["claude-opus-4-5", "roc_auc"] == pytest.approx(value, abs=1e-9)
    assert pooled.loc["gpt-oss-120b", "left_out"] == 5  # no option in the answer


@pytest.mark.slow
def test_families_hold_every_estimator_once_per_task(evaluated):
    table = findings.families(evaluated)
    assert not table.duplicated(["estimator", "task"]).any()
    stated = table[table["estimator"] == "verbalized_confidence"].iloc[0]
    assert (stated["family"], stated["models"]) == ("asking the model", 2)
    assert (table["min"] <= table["median"]).all()


def test_every_stated_model_has_its_published_name(recorded_folder):
    published = set(pd.read_csv(recorded_folder / findings.PUBLISHED)["model"])
    stored = {
        findings.stored_name(m) for m in findings.model_names(recorded_folder / findings.STATED)
    }
    assert stored == set(findings.SHORT)
    assert set(findings.SHORT.values()) <= published


@pytest.mark.slow
def test_the_docs_hold_the_findings(tmp_path, recorded_folder):
    """Numbers of docs/recorded.md, from all models."""
    import subprocess

    out = tmp_path / "out"
    command = [sys.executable, str(DOCS / "recorded.py"), "--data", str(recorded_folder)]
    command += ["--findings", "--output_path", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = (DOCS / "recorded.md").read_text(encoding="utf-8")
    for line in (out / "findings" / "findings.md").read_text(encoding="utf-8").splitlines():
        assert line in text
