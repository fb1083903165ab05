"""The page by axe-core's rules, in a real browser, light and dark, wide and narrow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apprehend.reports import ReportInput, build_report
from browser import Browser, chromium
from golden_files import command
from helpers import ROOT

AXE = Path(
    os.environ.get("APPREHEND_AXE", ROOT / ".venv" / "axe" / "node_modules" / "axe-core")
) / "axe.min.js"  # fmt: skip
RUN = "axe.run(document).then(found => found.violations.map(v => [v.id, v.nodes.map(n => n.html)]))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not AXE.is_file():
        pytest.skip(f"axe-core is not in {AXE.parent} (make axe); APPREHEND_AXE names its folder")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def hostile(full_input: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    build_report(ReportInput(**full_input), folder, replicates=20, formats=("svg",))
    return folder / "index.html"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    command("demo", "--limit", 12, "--output_path", folder / "demo")
    return folder / "demo" / "report" / "index.html"


def violations(browser: Browser, page: Path, scheme: str, width: int) -> list[Any]:
    """What axe finds with all folds open; the script is injected past the page's own policy."""
    browser.scheme(scheme)
    browser.size(width)
    browser.open(page)
    browser.value("document.getElementById('unfold').click()")
    browser.value(AXE.read_text(encoding="utf-8") + "; typeof axe")
    found = browser.value(RUN)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation_with_hostile_text(
    browser: Browser, hostile: Path, scheme: str, width: int
) -> None:
    assert violations(browser, hostile, scheme, width) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation_on_the_demo(browser: Browser, demo: Path, scheme: str, width: int) -> None:
    assert violations(browser, demo, scheme, width) == []


def test_a_violation_would_be_found(browser: Browser, hostile: Path) -> None:
    browser.size(1400)
    browser.open(hostile)
    browser.value("document.querySelector('label[for=search]').remove()")
    browser.value(AXE.read_text(encoding="utf-8") + "; typeof axe")
    found = browser.value(RUN)
    assert "label" in [rule for rule, _ in found]
