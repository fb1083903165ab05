"""docs/recorded.py: recorded answers to report and paper, in one command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "recorded.py"


def recorded_command(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def made(recorded_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded") / "out"
    given = ("--data", recorded_folder, "--output_path", folder, "--only", "Qwen2.5-3B")
    done = recorded_command(*given)
    assert done.returncode == 0, done.stderr
    assert "$ apprehend paper" in done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("topic", "value", "low", "high"),
    [
        ("all", 0.709, 0.700, 0.718),
        ("biology", 0.787, 0.754, 0.821),
        ("law", 0.593, 0.553, 0.634),
        ("math", 0.643, 0.611, 0.676),
    ],
)
def test_the_report_has_the_expected_values(made, topic, value, low, high):
    """Ends by DeLong, which 20,000 replicates confirm."""
    metrics = pd.read_csv(made / "report" / "metrics.csv")
    found = metrics[metrics["estimator"] == "token_entropy"].set_index("topic").loc[topic]
    assert found["roc_auc"] == pytest.approx(value, abs=0.001)
    assert found["roc_auc_low"] == pytest.approx(low, abs=0.003)
    assert found["roc_auc_high"] == pytest.approx(high, abs=0.003)


@pytest.mark.slow
def test_docs_say_what_comes_out(made):
    """The numbers of docs/recorded.md."""
    text = SCRIPT.with_suffix(".md").read_text(encoding="utf-8")
    metrics = pd.read_csv(made / "report" / "metrics.csv")
    own = metrics[metrics["estimator"] == "token_entropy"].set_index("topic")
    pooled = own.loc["all"]
    ends = f"[{pooled['roc_auc_low']:.3f}, {pooled['roc_auc_high']:.3f}]"
    assert f"ROC AUC {pooled['roc_auc']:.3f} {ends} on {pooled['n']:,.0f} questions" in text
    assert f"accuracy {pooled['accuracy']:.3f};" in text
    for topic in ("biology", "math", "law"):
        assert f"{topic} {own['roc_auc'][topic]:.3f}" in text
    assert f"macro average {own['roc_auc']['macro']:.3f}" in text
    kept = [f"{pooled[f'accuracy_at_{share}']:.3f}" for share in (10, 25, 50)]
    assert f"accuracy {kept[0]}, {kept[1]} and {kept[2]} on" in text


@pytest.mark.slow
def test_the_paper_has_its_verdicts(made):
    verdicts = pd.read_csv(made / "paper" / "verdicts.csv").dropna(subset=["stored_model"])
    assert set(verdicts["stored_model"]) == {"Qwen2.5-3B"}
    assert {"reproduced"} <= set(verdicts["verdict"]) <= {"reproduced", "differs"}
    assert verdicts.loc[verdicts["verdict"] == "differs", "reason"].str.len().min() > 0
    assert (made / "paper" / "index.html").is_file()


def test_every_recorded_model_has_its_command(recorded_folder):
    """Fifteen models; an unknown one is named in one line."""
    done = recorded_command("--data", recorded_folder, "--only", "nobody")
    assert done.returncode == 2
    known = done.stderr.rsplit("known: ", maxsplit=1)[1].split(", ")
    assert len(known) == 15
    assert {"Qwen2.5-3B", "gemma-7b", "llama-2-7b-hf"} <= set(known)


def test_without_the_files_it_says_so(tmp_path):
    done = recorded_command("--data", tmp_path)
    assert done.returncode == 2
    assert "set APPREHEND_RECORDED_DATA or --data" in done.stderr
