"""Estimators declare what others need to know of them; no estimator's name is hard-coded."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.estimators import EstimatorLookupError, builtin_estimators, load_estimator
from helpers import in_process

ROOT = Path(__file__).parents[2]
OTHER_MEANINGS = {
    "post_answer_entropy": "a column of the signal `answer`, which the estimator reads",
    "option_count": "a column of the stored questions",
    "judge_correctness": "the file of a questionnaire's prompt",
    "p_true": "a variant of the signal `self_report` and the file of its prompt",
}
"""Names of estimators that are names of something else too, with what."""


def named() -> Iterator[tuple[Path, int, str]]:
    """File, line and name wherever a text in the code is a built-in estimator's name."""
    names = builtin_estimators().keys()
    for folder in ("benchmark", "estimators", "interface", "reports", "tasks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
                if isinstance(text, str) and text.split("(", 1)[0] in names:
                    yield path, node.lineno, text


def test_no_estimators_name_stands_outside_its_familys_file() -> None:
    homes = {name: Path(inspect.getfile(cls)).name for name, cls in builtin_estimators().items()}
    stray = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path, line, text in named()
        if path.name != homes[text.split("(", 1)[0]] and text not in OTHER_MEANINGS
    ]
    assert not stray
    assert {text for _, _, text in named()} >= homes.keys()


def test_names_with_other_meanings_are_still_both() -> None:
    homes = {inspect.getfile(cls) for cls in builtin_estimators().values()}
    homes = {str(Path(home).resolve()) for home in homes}
    used = {text for path, _, text in named() if str(path) not in homes}
    assert used >= OTHER_MEANINGS.keys()


def test_the_demo_computes_what_says_so() -> None:
    found = [name for name, cls in builtin_estimators().items() if cls.in_demo]
    assert len(found) == 15
    assert {builtin_estimators()[name].family for name in found} == {
        *("answer distribution", "chain of thought", "judges", "controls")
    }


PLUGIN = '''
import numpy as np
from apprehend.estimators import Estimator, Signal

class Shrunk(Estimator):
    """1 - the largest probability, shrunk towards one half."""

    name = "shrunk_probability"
    needs = frozenset({Signal.ANSWER})
    is_probability = CLAIM
    look = ("purple", "-.")

    def score(self, signals):
        return 0.25 + (1 - np.nanmax(signals.answer.option_probs, axis=1)) / 2
'''


def answers(folder: Path) -> Path:
    """Sixty answers with option probabilities, half of them right."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(60, 4)) * 1.5
    gold = np.where(np.arange(60) % 2, logits.argmax(axis=1), rng.integers(4, size=60))
    frame = pd.DataFrame(
        {"id": np.arange(60), "topic": np.array(["law", "math"])[np.arange(60) // 30]}
    )
    frame["gold"] = [str("ABCD"[index]) for index in gold]
    frame["logits"] = logits.tolist()
    frame.to_parquet(folder / "answers.parquet")
    return folder / "answers.parquet"


@pytest.fixture(params=["True", "False"])
def reported(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[bool, Path]:
    """Whether a plugin claims to be a probability, and a report made without its file."""
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN.replace("CLAIM", request.param), encoding="utf-8")
    done = in_process(
        [
            *("import", "table", answers(tmp_path), "--model", "m", "--id", "id", "--topic"),
            *("topic", "--answer", "gold", "--option_logits", "logits", "--task", "quiz"),
            *("--output_path", "results"),
        ],
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    specs = f"{plugin}:Shrunk,option_entropy"
    done = in_process(["score", "results", "--estimators", specs], tmp_path)
    assert done.returncode == 0, done.stderr
    plugin.unlink()
    done = in_process(["report", "results", "--replicates", 100, "--formats", "svg"], tmp_path)
    assert done.returncode == 0, done.stderr
    return request.param == "True", tmp_path / "report"


def test_a_plugin_that_is_a_probability_reaches_every_place_of_calibration(
    reported: tuple[bool, Path],
) -> None:
    claims, report = reported
    metrics = pd.read_csv(report / "metrics.csv")
    own = metrics[metrics["estimator"] == "shrunk_probability"].set_index("topic")
    entropy = metrics[metrics["estimator"] == "option_entropy"]
    assert entropy["ece"].isna().all()
    assert own[["ece", "brier", "log_loss"]].notna().all(axis=None) == claims
    assert own.loc["all", "n_calibration"] == (60 if claims else 0)
    page = (report / "index.html").read_text(encoding="utf-8")
    assert ("Reliability diagrams" in page) == claims
    assert ("<h3>Calibration</h3>" in page) == claims
    assert (report / "figures" / "reliability_m_quiz.svg").is_file() == claims
    assert "1 - the largest probability, shrunk towards one half." in page
    board = (report / "figures" / "leaderboard_m_quiz.svg").read_text(encoding="utf-8")
    assert "#cc79a7" in board.lower()


def test_scores_of_older_stores_are_known_by_the_built_in_estimators_names(tmp_path: Path) -> None:
    """Their files contain no traits of their estimators."""
    import pyarrow.parquet as pq

    arguments = ["import", "table", answers(tmp_path), "--model", "m", "--id", "id", "--topic"]
    arguments += ["topic", "--answer", "gold", "--option_logits", "logits", "--task", "quiz"]
    assert in_process([*arguments, "--output_path", "results"], tmp_path).returncode == 0
    specs = "max_probability,tsallis_entropy(q=3),platt(base=option_entropy)"
    assert in_process(["score", "results", "--estimators", specs], tmp_path).returncode == 0
    file = tmp_path / "results" / "m" / "quiz" / "scores.parquet"
    table = pq.read_table(file)
    marks = dict(table.schema.metadata)
    stored = marks.pop(b"apprehend.estimators")
    assert b'"max_probability"' in stored
    pq.write_table(table.replace_schema_metadata(marks), file)
    report = ["report", "results", "--replicates", 100, "--formats", "svg"]
    done = in_process(report, tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = pd.read_csv(tmp_path / "report" / "metrics.csv").set_index("estimator")
    assert metrics.loc["max_probability", "ece"].notna().all()
    assert metrics.loc["platt(base='option_entropy')", "ece"].notna().all()
    assert metrics.loc["tsallis_entropy(q=3.0)", "ece"].isna().all()
    for damaged, said in (
        (b"[1]", "no JSON object"),
        (b'{"max_probability": {"look": 3}}', "look"),
    ):
        pq.write_table(
            table.replace_schema_metadata({**marks, b"apprehend.estimators": damaged}), file
        )
        done = in_process(report, tmp_path)
        assert done.returncode == 1
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("is_probability = 1", "expected `is_probability` to be True or False, got 1"),
        ('look = "blue"', "expected `look` to be a color and a line"),
        ('look = ("blue", 2)', "expected `look` to be a color and a line"),
    ],
)
def test_what_an_estimator_says_of_itself_must_make_sense(
    line: str, said: str, tmp_path: Path
) -> None:
    text = PLUGIN.replace("is_probability = CLAIM", "").replace('look = ("purple", "-.")', line)
    (tmp_path / "plugin.py").write_text(text, encoding="utf-8")
    with pytest.raises(EstimatorLookupError, match=re.escape(said)):
        load_estimator(f"{tmp_path / 'plugin.py'}:Shrunk")
