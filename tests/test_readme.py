"""The README, executed: its example estimator and its generated parts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.estimators.registry import estimator_table
from helpers import ROOT, Run

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_estimator_of_the_readme_runs(tmp_path: Path, cli: Run) -> None:
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "OptionGini" in block
    ]
    (tmp_path / "gini.py").write_text(code, encoding="utf-8")
    (specs,) = re.findall(r"--estimators (token_entropy,gini\.py:OptionGini)", README)
    done = cli("run", "--model_args", "pretrained=embedded", "--data", "embedded", "--device",
               "cpu", "--tasks", "mmlu_pro_direct_law", "--limit", 12, "--output_path", "results",
               "--estimators", specs, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "results" / "embedded" / "mmlu_pro_direct"
    table = pd.read_parquet(folder / "scores.parquet")
    gini = table[table.estimator == "option_gini"].set_index("question_id").score
    assert len(gini) == 12
    answers = pd.read_parquet(folder / "signals" / "answer").set_index("question_id")
    for question, logprobs in answers.option_logprobs.items():
        p = np.exp(logprobs) / np.exp(logprobs).sum()
        assert gini[question] == pytest.approx(1 - (p**2).sum(), abs=1e-12)
    metrics = pd.read_csv(tmp_path / "results" / "report" / "metrics.csv")
    assert "option_gini" in set(metrics.estimator)


def test_the_metric_of_the_readme_runs(tmp_path: Path, cli: Run) -> None:
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "top_share" in block
    ]
    (tmp_path / "top_share.py").write_text(code, encoding="utf-8")
    (spec,) = set(re.findall(r"--metrics (top_share\.py:top_share)", README))
    checked = cli("check", "metric", spec, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    run = ("run", "--model_args", "pretrained=embedded", "--data", "embedded", "--device", "cpu",
           "--tasks", "mmlu_pro_direct_law", "--output_path", "results", "--estimators",
           "random")  # fmt: skip
    done = cli(*run, "--limit", 60, "--metrics", spec, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = pd.read_csv(tmp_path / "results" / "report" / "metrics.csv")
    folder = tmp_path / "results" / "embedded" / "mmlu_pro_direct"
    table = pd.read_parquet(folder / "scores.parquet")
    wrong, scores = ~table.correct.to_numpy(dtype=bool), table.score.to_numpy()
    least = np.sort(scores)[-6]
    expected = (wrong & (scores >= least)).sum() / wrong.sum()
    pooled = metrics[metrics.topic == "all"]
    assert pooled.top_share.item() == pytest.approx(expected)
    config = tmp_path / "run.yaml"
    config.write_text("metrics: nowhere.py:mine\n", encoding="utf-8")
    refused = cli(*run, "--config", config, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("no such file: nowhere.py")


def test_every_option_that_the_readme_names_exists(cli: Run) -> None:
    helps = "".join(
        cli(*words, "--help").stdout
        for words in (
            ("run",),
            ("data",),
            ("score",),
            ("report",),
            ("import", "table"),
            ("import", "lm-eval"),
            ("threshold",),
            ("apply",),
            ("recommend",),
            ("subset",),
            ("cascade",),
            ("split",),
            ("verify",),
            ("show",),
            ("merge",),
        )
    )
    of_lm_eval = {"--include_path", "--metadata"}
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z_-]+", README)) - of_lm_eval:
        assert option in helps, option


def test_every_file_that_the_readme_names_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_table_of_estimators_is_the_generated_one() -> None:
    from apprehend.estimators.registry import estimator_markdown

    start, end = "<!-- estimators:start -->", "<!-- estimators:end -->"
    shown = README[README.index(start) + len(start) : README.index(end)]
    assert shown.strip() == estimator_markdown().strip()


def test_the_readmes_estimator_passes_the_checks(tmp_path: Path, cli: Run) -> None:
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "OptionGini" in block
    ]
    (tmp_path / "gini.py").write_text(code, encoding="utf-8")
    done = cli("check", "estimator", "gini.py:OptionGini", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "gini.py").write_text(code.replace("1 - np.nansum", "np.nansum"), encoding="utf-8")
    wrong = cli("check", "estimator", "gini.py:OptionGini", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "orientation" in wrong.stderr


def test_the_command_line_lists_the_same_estimators(cli: Run) -> None:
    listed = " ".join(cli("list", "estimators").stdout.split())
    for row in estimator_table():
        assert f" {row.name}{'(' if row.parameters else ''}" in listed, row.name
        assert row.family in listed
        assert row.cost in listed
        assert row.source.split()[0] in listed
