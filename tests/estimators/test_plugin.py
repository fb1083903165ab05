"""A real third-party package, installed by pip and found by its entry point in another process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent.parent / "plugin_package"
SCRIPT = """
import json
from apprehend.estimators import builtin_estimators, evaluate, installed_estimators, load_estimator
from apprehend.estimators.checks.conformance import check_estimator
from apprehend.estimators.checks.synthetic import synthetic_questions

gini, signals = load_estimator("option_gini"), synthetic_questions(40).signals
same = abs(evaluate(gini, signals) - evaluate(load_estimator("tsallis_entropy(q=2)"), signals))
print(json.dumps({
    "installed": {name: point.value for name, point in installed_estimators().items()},
    "builtin": "option_gini" in builtin_estimators(),
    "failed": [o.check for o in check_estimator(gini) if o.status == "failed"],
    "difference": same.max(),
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the plugin is installed into."""
    folder = tmp_path_factory.mktemp("plugin")
    # A copy, so that pip leaves no build folder in the repository.
    source = shutil.copytree(PLUGIN, folder / "source")
    target = folder / "target"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    options += ["--disable-pip-version-check", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    return target


def test_an_installed_estimator_is_found_and_conforms(installed: Path) -> None:
    path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["installed"] == {"option_gini": "apprehend_gini:OptionGini"}
    assert not found["builtin"]
    assert found["failed"] == []
    assert found["difference"] < 1e-12


def test_the_estimators_start_without_scikit_learn_torch_and_pandas() -> None:
    code = (
        "import sys; from apprehend.estimators import builtin_estimators; builtin_estimators(); "
        "print([m for m in ('sklearn', 'torch', 'pandas', 'scipy', 'lm_eval') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
