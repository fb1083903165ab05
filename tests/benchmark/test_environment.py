"""`apprehend doctor`, what works without torch and lm-eval, completion, progress in logs."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import apprehend as ap
import pytest
from apprehend.benchmark.cli.environment import findings as module
from apprehend.benchmark.cli.environment.findings import findings, required_packages, unmet
from apprehend.benchmark.console.errors import missing_package
from apprehend.benchmark.console.progress import progress_bar
from faulty_server import serving
from helpers import environment, rows
from packaging.requirements import Requirement

LIGHT = Path(__file__).parent.parent / "light_install.py"
WITHOUT = """
import os, sys

HIDDEN = os.environ.get("HIDDEN", "torch,transformers,lm_eval,datasets").split(",")

class Hiding:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in HIDDEN
        return None if hidden else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
from apprehend.benchmark.cli import main
main(sys.argv[1:])
"""
"""The program where the packages of an extra are not to be found."""


def without_models(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(),
    )


def test_models_that_are_not_installed_are_one_line(tmp_path: Path) -> None:
    done = without_models("demo", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("apprehend: error: ")
    assert "pip install 'apprehend[hf]'" in done.stderr
    assert "unexpected" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_models_and_judges_behind_endpoints_need_no_torch(tmp_path: Path) -> None:
    with serving() as server:
        address = f"model=m,base_url={server.url}"
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, "run", "--no_report", "--tasks", "mmlu_pro_cot_law",
             "--data", "embedded", "--limit", "4", "--output_path", "r", "--apply_chat_template",
             "--model", "local-chat-completions", "--model_args", address],
            capture_output=True, text=True, check=False, cwd=tmp_path,
            env={**environment(), "HIDDEN": "torch,transformers,accelerate,peft"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "r" / "m" / "mmlu_pro_cot", "trace")) == 4


def test_missing_package_is_told_from_a_missing_module_of_ours() -> None:
    assert missing_package(ModuleNotFoundError("x", name="apprehend.nothing")) is None
    assert missing_package(ImportError("x", name="torch")) is None
    assert "apprehend[judges]" in str(missing_package(ModuleNotFoundError("x", name="lm_eval.api")))


def test_run_from_python_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprehend.benchmark.run.running", None)
    with pytest.raises(ModuleNotFoundError):  # a module of ours: not disguised
        ap.run(model_args="pretrained=embedded")


def test_doctor_finds_what_is_here() -> None:
    found = {finding.subject: finding for finding in findings(network=False)}
    assert found["program"].found.startswith(f"apprehend {version('apprehend')}")
    assert found["packages"].status == "ok"
    assert f"torch {version('torch')}" in found["packages of [hf]"].found
    assert f"lm-eval {version('lm-eval')}" in found["packages of [judges]"].found
    assert found["hub"].found == "not asked"
    assert all(finding.status != "missing" for finding in found.values())


def test_doctor_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unmet(Requirement("no-such-package>=1")) == "no-such-package is not installed"
    assert unmet(Requirement("numpy>=9999")) == f"numpy {version('numpy')} is not >=9999"
    assert not unmet(Requirement("numpy>=1"))
    monkeypatch.setattr(module, "requires", lambda _: ["no-such>=1", 'numpy>=9999; extra == "hf"'])
    found = {finding.subject: finding for finding in findings(network=False)}
    assert found["packages"].status == "missing"
    assert found["packages of [hf]"].status == "optional"
    assert "apprehend[hf]" in found["packages of [hf]"].advice


def test_doctor_never_shows_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    shown = " ".join(f"{finding.found} {finding.advice}" for finding in findings(network=False))
    assert "OPENAI_API_KEY is set" in shown
    assert "secret" not in shown


def test_extras_name_real_packages() -> None:
    base = {requirement.name for requirement in required_packages("")}
    assert "pandas" in base
    assert not base & {"torch", "transformers", "lm-eval", "datasets"}
    assert {"torch", "transformers"} <= {r.name for r in required_packages("hf")}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("apprehend ver", ["verify"]),
        ("apprehend doc", ["doctor"]),
        ("apprehend run --estimators token_entropy,max_prob", ["token_entropy,max_probability"]),
        ("apprehend score results --estimators p_tr", ["p_true"]),
        ("apprehend run --tasks mmlu_pro_direct_la", ["mmlu_pro_direct_law"]),
    ],
)
def test_shells_complete(words: str, expected: list[str]) -> None:
    given = {
        "_APPREHEND_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'apprehend'\n"
         "from apprehend.benchmark.cli import main; main()"],
        capture_output=True, text=True, check=False, env={**environment(), **given},
    )  # fmt: skip
    assert done.stdout.split() == expected, done.stderr


def test_progress_without_a_terminal_is_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with progress_bar(1000, "model") as bar:
        for _ in range(1000):
            bar.update(1)
    lines = log.getvalue().splitlines()
    assert [line.partition(" [")[0] for line in lines] == ["model: 0/1000", "model: 1000/1000"]
    assert "\r" not in log.getvalue()
    assert log.getvalue().endswith("\n")


def test_progress_without_a_terminal_writes_a_line_per_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    seconds = 0.0
    with progress_bar(600, "model") as bar:
        monkeypatch.setattr(bar, "_time", lambda: bar.start_t + seconds)
        for _ in range(600):
            seconds += 1.0
            bar.update(1)
    assert 10 <= len(log.getvalue().splitlines()) <= 12


@pytest.mark.slow
def test_light_install_imports_scores_and_reports(tmp_path: Path) -> None:
    """What `make test-wheel` does in an environment of its own, here with the packages hidden."""
    program = tmp_path / "bin" / "apprehend"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{WITHOUT}", encoding="utf-8")
    program.chmod(0o755)
    python = program.with_name("python")
    python.symlink_to(sys.executable)
    script = LIGHT.read_text(encoding="utf-8").replace("find_spec(name) is not None", "False")
    script = script.replace("sys.executable", repr(str(python)))
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert os.fspath(tmp_path) not in done.stdout
