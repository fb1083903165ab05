"""Runs and results from Python equal those of the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apprehend as ap
import numpy as np
import pandas as pd
import pytest
from helpers import Run

TASK = "mmlu_pro_direct"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> ap.Results:
    folder = tmp_path_factory.mktemp("python") / "results"
    return ap.run(
        model_args={"pretrained": "embedded"},
        tasks=[TASK],
        output_path=folder,
        estimators=["token_entropy", "option_entropy"],
        limit=6,
        data="embedded",
        batch_size=32,
    )


def test_import_is_light_and_has_a_version() -> None:
    code = (
        "import sys, apprehend; print(apprehend.__version__, 'numpy' in sys.modules); "
        "from apprehend import score, evaluate; "
        "print(sorted({'torch', 'lm_eval', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first.endswith("False")
    assert first.split(".")[0].isdigit()
    assert second == "[]"


def test_every_public_name_exists_and_is_documented() -> None:
    assert set(ap.__all__) <= set(dir(ap))
    for name in ap.__all__:
        assert name == "__version__" or getattr(ap, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'skorre'"):
        _ = ap.skorre


@pytest.mark.slow
def test_a_run_equals_the_command_line(results: ap.Results, cli: Run, tmp_path: Path) -> None:
    done = cli(
        *("run", "--model_args", "pretrained=embedded", "--tasks", TASK, "--limit", "6"),
        *("--data", "embedded"),
        *("--estimators", "token_entropy,option_entropy", "--output_path", str(tmp_path / "r")),
        *("--batch_size", "32"),
    )
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(ap.open(tmp_path / "r").scores(), results.scores())
    written = pd.read_csv(tmp_path / "r" / "report" / "metrics.csv")
    ours = results.metrics()
    assert list(written) == list(ours)
    np.testing.assert_allclose(written["roc_auc"], ours["roc_auc"].astype(float), atol=1e-12)


def test_frames_and_groups(results: ap.Results) -> None:
    assert results.models
    assert results.tasks == [TASK]
    assert set(results.estimators) == {"token_entropy", "option_entropy"}
    assert len(results.questions()) == 84
    by_topic = results.metrics(by="topic")
    assert by_topic["topic"].nunique() == 14
    assert set(results.metrics(by="macro")["topic"]) == {"macro"}
    with pytest.raises(ValueError, match="Expected by to be one of"):
        results.metrics(by="subject")  # type: ignore[arg-type]


def test_own_estimators_are_computed_on_stored_signals(results: ap.Results) -> None:
    @ap.estimator(needs="answer")
    def gini(signals: ap.Signals) -> np.ndarray:
        """1 - Σ p²."""
        return 1 - np.nansum(signals.answer.option_probs**2, axis=1)

    frame = results.scores([gini, "option_entropy"])
    stored = results.scores()
    again = frame[frame["estimator"] == "option_entropy"]["score"].to_numpy()
    kept = stored[stored["estimator"] == "option_entropy"]["score"].to_numpy()
    np.testing.assert_array_equal(again, kept)
    assert frame[frame["estimator"] == "gini"]["score"].between(0, 1).all()
    assert "gini" not in ap.open(results.path).estimators
    with pytest.raises(ap.ApprehendError, match="needs samples"):
        results.scores(["vote_entropy"])


def test_a_function_in_a_file_is_found_by_the_command_line(
    results: ap.Results, cli: Run, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\nimport apprehend as ap\n\n\n"
        '@ap.estimator(needs="answer")\ndef gini(signals):\n    """1 - sum of squares."""\n'
        "    return 1 - np.nansum(signals.answer.option_probs**2, axis=1)\n"
    )
    done = cli("check", "estimator", f"{file}:gini")
    assert done.returncode == 0, done.stdout + done.stderr


def test_notebooks_show_a_leaderboard_with_escaped_names(results: ap.Results) -> None:
    html = results._repr_html_()
    assert "<table>" in html
    assert "token_entropy" in html
    board = results.leaderboard
    assert board["roc_auc"].is_monotonic_decreasing
    from apprehend.notebook import leaderboard_html

    hostile = leaderboard_html(board.assign(model="<script>alert(1)</script>"), "<b>")
    assert "<script>" not in hostile
    assert "<b>" not in hostile


def test_plots_draw_on_given_axes(results: ap.Results) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3)
    drawn = ap.plot.roc_auc_by_topic(results, "token_entropy", ax=axes[0])
    assert drawn is axes[0]
    assert len(drawn.get_yticklabels()) == 16
    scores = results.scores().pivot(index="question_id", columns="estimator", values="score")
    answers = results.scores().drop_duplicates("question_id").set_index("question_id")
    errors = ~answers["correct"].reindex(scores.index).to_numpy(dtype=bool)
    curve = ap.plot.risk_coverage(errors, scores, ax=axes[1])
    assert len(curve.lines) == 4
    p = 1 / (1 + np.exp(-scores["token_entropy"].to_numpy()))
    assert ap.plot.reliability(errors, p, ax=axes[2]).lines
    with pytest.raises(ValueError, match="Expected estimator to be one of"):
        ap.plot.roc_auc_by_topic(results, "nothing")
    plt.close(figure)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limits": 3}, "limits: is no option of a run; did you mean 'limit'"),
        ({"limit": -1}, "limit: expected a number from 0"),
        ({"seed": 1.5}, "seed: expected a whole number"),
        ({"extraction": "lader"}, "did you mean 'ladder'"),
    ],
)
def test_wrong_options_are_refused(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ap.ApprehendError, match=message):
        ap.run(model_args="pretrained=embedded", output_path=tmp_path / "r", **options)
    assert not (tmp_path / "r").exists()


def test_transformers_pass_the_checks_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.utils.estimator_checks import check_estimator

    transformer = ap.sklearn.UncertaintyScores("option_entropy,max_probability")
    check_estimator(transformer, on_skip=None)
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(300, 4)) * 3
    errors = rng.random(300) > np.exp(logits).max(axis=1) / np.exp(logits).sum(axis=1)
    fitted = make_pipeline(transformer, LogisticRegression()).fit(logits, errors)
    assert fitted.score(logits, errors) > 0.6
    with pytest.raises(ValueError, match="learns from labels"):
        ap.sklearn.UncertaintyScores("conformal_set_size").fit(logits)
