"""The page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

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
    assert page.value("document.scripts.length") == 2
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


def test_the_contents_follow_the_scroll(page):
    page.call("Emulation.setEmulatedMedia", features=[])
    section = "document.querySelector('.contents > li.current > a').hash"
    page.value("document.getElementById('s2').scrollIntoView()")
    page.soon(f"{section} === '#s2'")
    assert page.value("document.querySelectorAll('.contents [aria-current]').length") == 1
    page.value("window.scrollTo(0, 0)")
    page.soon(f"{section} === '#glance'")


def test_the_search_jumps_to_headings_terms_and_rows_in_folds(page):
    page.value("document.getElementById('fold').click()")
    assert page.value("document.querySelectorAll('main details[open]').length") == 0
    found = "Array.from(document.querySelectorAll('#hits li')).map(li => li.innerText)"
    for words, tag in (("pairwise", "H3"), ("n-flow", "H3"), ("conformal set", "H3"), ("d′", "DT")):
        page.value("document.getElementById('search').value = ''")
        page.value("document.getElementById('search').focus()")
        page.call("Input.insertText", text=words)
        assert words in page.value(found)[0].lower()
        page.key("ArrowDown", 40)
        at = "document.getElementById('search').getAttribute('aria-activedescendant')"
        assert page.value(at) == "hit-0"
        page.key("Enter", 13, "\r")
        assert page.value("document.activeElement.tagName") == tag
        assert page.value("document.activeElement.closest('details').open")
        assert page.value("document.getElementById('hits').hidden")
    page.value("document.getElementById('search').value = ''")
    page.value("document.getElementById('search').focus()")
    page.call("Input.insertText", text="<b>mine</b>")
    assert "<b>mine</b>" in page.value(found)[0]
    page.key("Escape", 27)
    assert page.value("document.getElementById('hits').hidden")
    page.call("Input.insertText", text=" nothing of the kind")
    assert page.value("document.getElementById('count').textContent") == "0 found"


def test_an_address_opens_the_fold_that_it_names(page):
    page.value("document.getElementById('fold').click()")
    page.value("location.hash = '#s1-b2'")
    page.soon("document.getElementById('s1-b2').open")


def test_print_opens_folds_and_closes_them_again(page):
    page.value("document.getElementById('fold').click()")
    page.value("window.dispatchEvent(new Event('beforeprint'))")
    assert page.value("document.querySelectorAll('main details:not([open])').length") == 0
    page.value("window.dispatchEvent(new Event('afterprint'))")
    assert page.value("document.querySelectorAll('main details[open]').length") == 0


def test_points_bars_and_curves_have_tooltips(page):
    titles = page.value(
        "Array.from(document.querySelectorAll('figure svg title')).map(title => title.textContent)"
    )
    point = r"law: 0\.\d{3} \[0\.\d{3}, [01]\.\d{3}\], n 30, \d+ wrong"
    assert any(re.fullmatch(point, title) for title in titles)
    bar = r"token_entropy, math \(30\): 0\.\d{3} \[.*\]"
    assert any(re.fullmatch(bar, title) for title in titles)
    for words in ("token_entropy: ROC AUC 0.", "AURC", "<b>mine</b>, mean over topics: 0."):
        assert any(title.startswith(words) or words in title for title in titles), words
    assert not page.value("document.querySelectorAll('[id^=\"tip:\"]').length")


def test_a_picture_is_saved_from_the_page_itself(page):
    page.value("URL.createObjectURL = (blob) => { window.saved = blob; return '#'; }")
    page.value("document.querySelector('a.picture').click()")
    text = page.value("window.saved.text()")
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert root.get("width", "").endswith("pt")
    data = page.value("document.querySelector('#glance .files a:last-child').href")
    table = pd.read_csv(StringIO(unquote(data.split(",", 1)[1])))
    assert set(table["topic"]) == {"law", "math", "physics"}
    assert table["roc_auc"].between(0, 1).all()


def test_on_a_phone_nothing_but_tables_and_figures_is_wider_than_the_screen(page):
    page.size(400)
    page.soon("!document.querySelector('.menu').open")
    page.value("document.getElementById('unfold').click()")
    assert page.value("document.documentElement.scrollWidth") <= 400
    page.value("document.querySelector('.menu summary').click()")
    assert page.value("document.querySelector('.menu').open")
    page.call("Emulation.clearDeviceMetricsOverride")
