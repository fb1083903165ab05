"""The page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from apprehend.reports import ReportInput, build_report
from browser import Browser, chromium


@pytest.fixture(scope="module")
def page(full_input: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium() as browser:
        folder = tmp_path_factory.mktemp("page")
        build_report(ReportInput(**full_input), folder, replicates=20, formats=("svg",))
        browser.open(folder / "index.html")
        yield browser


def test_it_renders_without_network_or_console_error(page):
    assert page.value("document.documentElement.dataset.ready") == "yes"
    assert page.value("document.querySelectorAll('figure svg').length") > 20
    (request,) = page.requests()
    assert request.startswith("file://")
    assert page.complaints() == []


def test_hostile_text_stays_text(page):
    assert page.value("document.scripts.length") == 1
    assert page.value("document.querySelectorAll('img, iframe, object, [onerror]').length") == 0
    text = page.value("document.body.textContent")
    for hostile in ("<script>alert(3)</script>", "<img src=x onerror=alert(2)>", "<b>mine</b>"):
        assert hostile in text


FIRST = "document.querySelectorAll('table.data')[0]"
COLUMN = f"Array.from({FIRST}.tBodies[0].rows).map(r => r.cells[1].dataset.sort)"
HEAD = f"{FIRST}.tHead.rows[0].cells[1]"


def test_a_click_sorts_and_says_so(page):
    assert page.value(f"{HEAD}.getAttribute('aria-sort')") is None
    page.value(f"{HEAD}.querySelector('button').click()")
    down = [float(value) for value in page.value(COLUMN)]
    assert down == sorted(down, reverse=True)
    assert page.value(f"{HEAD}.getAttribute('aria-sort')") == "descending"
    page.value(f"{HEAD}.querySelector('button').click()")
    up = [float(value) for value in page.value(COLUMN)]
    assert up == sorted(up)
    assert page.value(f"{HEAD}.getAttribute('aria-sort')") == "ascending"


def test_the_keyboard_reaches_and_sorts(page):
    page.value("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.key("Tab", 9)
    assert page.value("document.activeElement.className") == "skip"
    page.value(f"{FIRST}.tHead.rows[0].cells[0].querySelector('button').focus()")
    page.key("Enter", 13, "\r")
    sorted_by = f"{FIRST}.tHead.rows[0].cells[0].getAttribute('aria-sort')"
    assert page.value(sorted_by) == "ascending"
    page.key("Tab", 9)
    assert page.value(f"document.activeElement === {HEAD}.querySelector('button')")


def test_typing_filters_rows(page):
    table = "document.querySelector('.filter').nextElementSibling.querySelector('table')"
    shown = f"Array.from({table}.tBodies[0].rows).filter(r => !r.hidden).map(r => r.innerText)"
    before = page.value(shown)
    page.value("document.querySelector('.filter input').focus()")
    for letter in "law":
        page.key(letter, ord(letter.upper()), letter)
    after = page.value(shown)
    assert 0 < len(after) < len(before)
    assert all("law" in row.lower() for row in after)
    count = page.value("document.querySelector('.filter output').textContent")
    assert count == f"{len(after)} of {len(before)}"


def test_undefined_values_sort_last_both_ways(make_scores, tmp_path):
    """The rule itself, in the page's data: an undefined cell has an empty sort key."""
    scores = make_scores(60)
    scores.loc[scores["estimator"] == "max_probability", "score"] = pd.NA
    build_report(ReportInput(scores), tmp_path, replicates=5, formats=())
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<td data-sort="">\s*–', html)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_in_both_schemes(page, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.call("Emulation.setEmulatedMedia", features=features)
    style = "getComputedStyle(document.body)"
    ink = page.value(f"{style}.color.match(/\\d+/g).slice(0, 3).map(Number)")
    ground = page.value(f"{style}.backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert abs(sum(ink) - sum(ground)) > 450
    axis = "getComputedStyle(document.querySelector('figure svg text')).fill"
    assert page.value(f"{axis}.match(/\\d+/g).slice(0, 3).map(Number)") == ink


def test_it_prints(page):
    import base64

    page.call("Emulation.setEmulatedMedia", features=[])
    printed = base64.b64decode(page.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert printed.startswith(b"%PDF")
    assert len(printed) > 50_000
