"""docs/literature.md: every row has a source, a test that exists, and a command that exists."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from helpers import ROOT

sys.path.insert(0, str(ROOT / "docs"))
from literature import ANALYSIS_TESTS, LEFT_OUT, Row, markdown, rows

PAGE = ROOT / "docs" / "literature.md"


def test_the_page_is_the_generated_one() -> None:
    if os.environ.get("APPREHEND_WRITE_DOCS"):
        PAGE.write_text(markdown(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == markdown()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.system)
def test_every_row_is_complete(row: Row) -> None:
    for field in ("system", "source", "here", "check", "by", "command"):
        assert getattr(row, field).strip(), field
    file, _, function = row.check.partition("::")
    assert re.search(rf"^def {function}\(", (ROOT / file).read_text(encoding="utf-8"), re.M)


def test_the_commands_exist() -> None:
    import typer.main
    from apprehend.benchmark.cli.main import app

    group = typer.main.get_command(app)
    for command in {row.command for row in rows()}:
        program, name, *arguments = shlex.split(command)
        assert program == "apprehend"
        known = {option for one in group.commands[name].params for option in one.opts}  # type: ignore[attr-defined]
        for argument in arguments:
            assert not argument.startswith("--") or argument in known, command


def test_every_declared_analysis_has_its_test() -> None:
    from apprehend.reports.analyses.study.benchmark_analysis import benchmark_analyses

    assert set(ANALYSIS_TESTS) == set(benchmark_analyses())
    assert len({check for check, _ in ANALYSIS_TESTS.values()}) > 15


def test_what_is_left_out_says_why() -> None:
    assert all(all(part.strip() for part in row) for row in LEFT_OUT)


def test_an_incomplete_row_fails() -> None:
    broken = Row("x", "", "y", "tests/test_literature.py::test_nothing_here", "z", "apprehend run")
    with pytest.raises(AssertionError, match="source"):
        test_every_row_is_complete(broken)


def test_the_readme_leads_to_it() -> None:
    assert "docs/literature.md" in Path(ROOT / "README.md").read_text(encoding="utf-8")
