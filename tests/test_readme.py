"""The README and the pages of docs/, executed: their code, their commands, their links."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.estimators.registry import estimator_table
from helpers import ROOT, Run, in_process

sys.path.insert(0, str(ROOT / "docs"))
from reference_cli import commands

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
}
TUTORIAL = PAGES["docs/tutorials/add_an_estimator.md"]
METRIC = PAGES["docs/extend/metric.md"]


def code_of(page: str, name: str) -> str:
    """The block of Python of a page in which a name is defined."""
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (code,) = [block for block in blocks if re.search(rf"(class|def) {name}\b", block)]
    return str(code)


def commands_of(page: str) -> list[str]:
    """The commands of a page that can be run as they stand there: those of plain blocks."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    joined = [block.replace("\\\n", " ") for language, block in blocks if not language]
    return [line for block in joined for line in block.splitlines() if line.startswith("apprehend")]


def test_the_estimator_of_the_tutorial_runs(tmp_path: Path, cli: Run) -> None:
    (tmp_path / "gini.py").write_text(code_of(TUTORIAL, "OptionGini"), encoding="utf-8")
    specs = set(re.findall(r"--estimators (token_entropy,gini\.py:OptionGini)", README + TUTORIAL))
    done = cli("run", "--model_args", "pretrained=embedded", "--data", "embedded", "--device",
               "cpu", "--tasks", "mmlu_pro_direct_law", "--limit", 12, "--output_path", "results",
               "--estimators", specs.pop(), cwd=tmp_path)  # fmt: skip
    assert not specs
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


def test_the_metric_of_the_documentation_runs(tmp_path: Path, cli: Run) -> None:
    (tmp_path / "top_share.py").write_text(code_of(METRIC, "top_share"), encoding="utf-8")
    (spec,) = set(re.findall(r"--metrics (top_share\.py:top_share)", METRIC))
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["benchmark_a_model", "add_an_estimator", "regenerate_reports"])
def test_the_commands_of_a_tutorial_run_as_they_stand_there(tmp_path: Path, name: str) -> None:
    page = PAGES[f"docs/tutorials/{name}.md"]
    if name == "add_an_estimator":
        (tmp_path / "gini.py").write_text(code_of(page, "OptionGini"), encoding="utf-8")
    listed = commands_of(page)
    assert len(listed) >= 3
    for command in listed:
        done = in_process(shlex.split(command)[1:], tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_every_option_that_a_page_names_exists() -> None:
    known = {option for _, command in commands() for one in command.params for option in one.opts}
    known |= {option for _, c in commands() for one in c.params for option in one.secondary_opts}
    known |= {"--help", "--version", "--debug"}
    of_others = {
        *("--metadata", "--constraint", "--multi_gpu", "--num_processes", "--module"),
        *("--nproc-per-node", "--num_machines", "--machine_rank", "--nnodes", "--node-rank"),
        *(
            "--head",
            "--from",
            "--install-completion",
            "--address",
            "--array",
            "--only",
            "--findings",
        ),
    }
    for page, text in PAGES.items():
        if page == "docs/bad_inputs.md":
            continue  # wrong options, on purpose
        for option in set(re.findall(r"(?<![\w-])--[a-z][a-z_-]+", text)) - of_others:
            assert option in known, f"{page}: {option}"


def test_every_command_that_a_page_names_exists() -> None:
    known = {words for words, _ in commands()}
    assert {"import", "list", "check"} < known
    for page, text in PAGES.items():
        code = "\n".join([*commands_of(text), *re.findall(r"`(apprehend [^`]+)`", text)])
        for first, second in re.findall(r"^apprehend ([a-z]+)(?: ([a-z-]+))?", code, re.M):
            assert first in known, f"{page}: {first}"
            if first in ("list", "check"):
                assert f"{first} {second}" in known, f"{page}: {first} {second}"


def test_every_command_is_in_the_table_or_has_a_page_of_its_own() -> None:
    named = set(re.findall(r"apprehend ([a-z]+)", "".join(PAGES.values())))
    assert {words.split()[0] for words, _ in commands()} <= named


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_file_that_a_page_names_exists(page: str) -> None:
    made = {"auto_gallery", "reference", "report"}
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", PAGES[page]):
        path = (ROOT / page).parent / target
        inside = path.resolve().is_relative_to(ROOT / "docs")
        place = path.resolve().relative_to(ROOT / "docs").parts[0] if inside else ""
        assert place in made or path.exists(), target


def test_the_readme_is_short_and_names_its_commands() -> None:
    assert len(README.splitlines()) <= 90
    for command in ("make demo", "make test", "make docs"):
        assert re.search(rf"^{command}\b", README, re.MULTILINE)


def test_the_tutorials_estimator_passes_the_checks(tmp_path: Path, cli: Run) -> None:
    code = code_of(TUTORIAL, "OptionGini")
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
