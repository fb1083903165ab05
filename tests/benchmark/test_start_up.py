"""Commands that need no model start without the libraries that models need."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers import environment

HEAVY = (
    *("torch", "transformers", "lm_eval", "datasets", "sklearn", "matplotlib", "pandas"),
    "pydantic",
)
PROGRAM = """
import sys
from apprehend.benchmark.cli import main
try:
    main(sys.argv[2:])
except SystemExit as stop:
    assert stop.code in (None, 0), stop.code
loaded = [name for name in sys.argv[1].split(",") if name in sys.modules]
sys.exit("loaded: " + ", ".join(loaded) if loaded else 0)
"""


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("--help", (*HEAVY, "numpy", "apprehend.estimators")),
        ("--version", (*HEAVY, "numpy", "apprehend.estimators")),
        ("run --help", (*HEAVY, "numpy", "apprehend.estimators")),
        ("list tasks", HEAVY),
        ("list signals", HEAVY),
        ("list models", HEAVY),
        ("list estimators", HEAVY),
    ],
)
def test_starts_without_heavy_imports(command: str, heavy: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(heavy), *command.split()],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
