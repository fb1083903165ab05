"""A new signal: declared in one file, collected by another one, and everything else follows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = '''
@dataclass(frozen=True)
class QuestionLengthTable(SignalTable, signal=Signal.QUESTION_LENGTH, cost="none", derived=True):
    """How long the question is, and how likely the model's answer to it."""

    tokens: FloatArray = column(Kind.FLOAT)
    """(n,) tokens of the prompt."""


'''
PROBE = """
from ....estimators.signals.batch import Signal
from .probe import ChoiceProbe


class QuestionLength(ChoiceProbe):
    signal = Signal.QUESTION_LENGTH

    def prompts(self, item):
        task, question = item
        return self.builder.choices(task, question)

    def record(self, item, prompts, replies):
        return {"tokens": float(replies[0].prompt_tokens)}
"""
ESTIMATOR = '''
from apprehend.estimators import Estimator
from apprehend.estimators.signals.batch import Signal
from apprehend.estimators.signals.signal_tables import QuestionLengthTable


class Length(Estimator):
    """Tokens of the prompt, above 0: long questions are hard."""

    name = "length"
    family = "toy"
    needs = frozenset({Signal.QUESTION_LENGTH})

    def score(self, signals):
        return signals.table(QuestionLengthTable).tokens
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one file changed and one added."""
    package = tmp_path_factory.mktemp("tree") / "apprehend"
    package.mkdir()
    for folder in ("benchmark", "estimators"):
        shutil.copytree(ROOT / folder, package / folder, ignore=shutil.ignore_patterns("*.pyc"))
    for folder in ("reports", "tasks"):
        (package / folder).symlink_to(ROOT / folder)
    declaration = package / "estimators/signals/signal_tables.py"
    text = declaration.read_text(encoding="utf-8")
    text = text.replace("    TRACE = ", '    QUESTION_LENGTH = "question_length"\n    TRACE = ', 1)
    text = text.replace("_DECLARED = ", TABLE.lstrip() + "_DECLARED = ", 1)
    declaration.write_text(text, encoding="utf-8")
    (package / "benchmark/run/probes/question_length_probe.py").write_text(PROBE)
    return package.parent


def apprehend(tree: Path, *arguments: object) -> str:
    """Standard output of a command of the changed package."""
    done = subprocess.run(
        [sys.executable, "-m", "apprehend.benchmark", *map(str, arguments)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_signal_is_one_declaration_and_one_probe(tree: Path) -> None:
    import pandas as pd

    (tree / "length.py").write_text(ESTIMATOR)
    assert "question_length" in apprehend(tree, "list", "signals")
    apprehend(tree, "check", "estimator", "length.py:Length")
    results = tree / "results"
    command = ["run", "--model_args", "pretrained=embedded", "--device", "cpu", "--data"]
    command += ["embedded", "--limit", "3", "--tasks", "mmlu_pro_direct_law", "--no_report"]
    command += ["--estimators", "length.py:Length,option_entropy", "--output_path", str(results)]
    apprehend(tree, *command)
    store = results / "embedded" / "mmlu_pro_direct"
    scores = pd.read_parquet(store / "scores.parquet").set_index("estimator")
    (part,) = (store / "signals" / "question_length").glob("*.parquet")
    stored = pd.read_parquet(part)
    assert sorted(scores.loc["length"].score) == sorted(stored.tokens)
    assert (stored.tokens > 0).all()
    assert stored.derived_from.notna().all()
    before = part.name
    apprehend(tree, *command)  # nothing is missing
    assert [file.name for file in part.parent.glob("*.parquet")] == [before]
    apprehend(tree, "verify", results)
