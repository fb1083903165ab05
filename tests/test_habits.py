"""The project's own files: workflows, hooks, targets, versions and bounds are consistent."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from coverage_shares import shares
from helpers import ROOT

TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
CALL = re.compile(r"\bmake ((?:[a-z]+(?:-[a-z]+)*)(?: +[a-z]+(?:-[a-z]+)*)*)")
VERSIONS = ["3.10", "3.11", "3.12", "3.13"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def targets() -> set[str]:
    return set(TARGET.findall(text("Makefile")))


def workflows() -> list[Path]:
    return sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def commands(workflow: Path) -> list[str]:
    jobs = read_yaml(workflow)["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def quoted(document: str) -> str:
    """The code of a Markdown text: where `make …` is a command, not a sentence."""
    return "\n".join(re.findall(r"```.*?```|`[^`]+`", document, re.DOTALL))


def called(script: str) -> set[str]:
    return {name for names in CALL.findall(script) for name in names.split()}


def normalized(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def pins(name: str) -> dict[str, str]:
    """Package → version; the last one where several Pythons have their own."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", text(name), re.MULTILINE)
    return {normalized(package): version for package, version in found}


def requirements(line: str) -> dict[str, str]:
    """Package → lower bound (empty where there is none) of a list in pyproject.toml."""
    listed = re.search(rf"^{line} = \[(.*?)\]$", text("pyproject.toml"), re.DOTALL | re.MULTILINE)
    assert listed is not None, line
    pieces = re.findall(r'"([\w.-]+)(?:\[[\w,]+\])?(?:>=([\d.]+))?[^"]*"', listed[1])
    return {normalized(package): bound for package, bound in pieces}


def test_workflows_call_check_and_test_on_every_promised_python() -> None:
    assert {"check", "test", "test-lowest", "test-wheel"} <= {
        name for workflow in workflows() for run in commands(workflow) for name in called(run)
    }
    matrix = read_yaml(ROOT / ".github" / "workflows" / "check.yml")["jobs"]["test"]["strategy"]
    assert matrix["matrix"]["python"] == VERSIONS
    assert f'requires-python = ">={VERSIONS[0]}"' in text("pyproject.toml")
    classifiers = re.findall(r"Python :: (3\.\d+)", text("pyproject.toml"))
    assert classifiers == VERSIONS


@pytest.mark.parametrize(
    "name", [".ci/run", "README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/performance.md"]
)
def test_named_targets_exist(name: str) -> None:
    script = quoted(text(name)) if name.endswith(".md") else text(name)
    names = called(script)
    assert names, "names none"
    assert names <= targets()


def test_workflows_name_targets_that_exist() -> None:
    for workflow in workflows():
        runs = commands(workflow)
        assert runs, workflow
        for run in runs:
            assert called(run) <= targets(), run


def test_hooks_run_the_pinned_tools() -> None:
    repositories = read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks}
    assert tools == {"ruff", "mypy", "codespell"}
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks)
    assert tools <= requirements("dev").keys()
    assert tools <= pins("constraints.txt").keys()


def test_templates_and_workflows_are_yaml() -> None:
    files = list((ROOT / ".github").rglob("*.yml"))
    assert len(files) >= 4
    for path in files:
        assert isinstance(read_yaml(path), dict), path


def test_help_lists_every_target_that_a_person_calls() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "-C", str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    ).stdout
    phony = re.search(r"\.PHONY:(.*?)\n\n", text("Makefile"), re.DOTALL)
    assert phony is not None
    listed = {line.split()[0] for line in shown.splitlines() if line.strip()}
    assert listed == set(phony[1].replace("\\", " ").split())


def test_lowest_versions_are_the_bounds() -> None:
    lowest = pins("constraints-lowest.txt")
    lists = ("dependencies", "judges", "hf", "test")
    for package, bound in [pair for name in lists for pair in requirements(name).items()]:
        if not bound or package == "torch":
            continue
        assert (lowest[package] + ".0").startswith(f"{bound}."), package
    assert lowest["torch"] == pins("constraints.txt")["torch"]


def test_the_version_is_the_same_everywhere() -> None:
    citation = read_yaml(ROOT / "CITATION.cff")
    version = re.search(r'^version = "(.*)"$', text("pyproject.toml"), re.MULTILINE)
    release = re.search(r"^## (\d\S*) - (\S+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert version is not None
    assert release is not None
    assert str(citation["version"]) == version[1] == release[1]
    assert citation["date-released"] == release[2]


def test_coverage_is_summed_per_folder() -> None:
    def entry(run: int, lines: int) -> dict[str, Any]:
        return {"summary": {"covered_lines": run, "num_statements": lines}}

    files = {"a/x.py": entry(1, 2), "a/b/y.py": entry(3, 3), "c/z.py": entry(0, 5)}
    assert shares(files) == [("a", 4, 5), ("a/b", 3, 3), ("c", 0, 5), ("all", 4, 10)]


@pytest.mark.parametrize("package", ["estimators", "reports", "tasks"])
def test_exported_functions_document_arguments_and_results(package: str) -> None:
    module = importlib.import_module(f"apprehend.{package}")
    for name in module.__all__:
        function = getattr(module, name)
        if not inspect.isfunction(function) or not inspect.signature(function).parameters:
            continue
        documented, signature = inspect.getdoc(function) or "", inspect.signature(function)
        assert "Args:" in documented, name
        returns = signature.return_annotation not in ("None", None)
        assert not returns or "Returns:" in documented, name
