"""The question explorer: its data read back, and its list and questions in a real browser."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apprehend.reports.explorer import chunks, explorer
from apprehend.reports.explorer.packing import utf16_offsets
from browser import Browser, chromium
from explored_cases import HOSTILE, Case, Written, write_page

N = 12_032


@pytest.fixture(scope="module")
def large() -> list[Case]:
    """Two models on as many questions as MMLU-Pro has."""
    return [Case(N), Case(N, model="other/model & <b>x</b>", seed=2)]


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less room inside a page: the made-up texts hardly differ, so that they compress well."""
    monkeypatch.setattr(chunks, "INSIDE", 200_000)


@pytest.fixture(scope="module")
def large_page(large: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "INSIDE", 200_000)
        return write_page(tmp_path_factory.mktemp("large"), large)


def test_the_index_holds_every_question(large, large_page):
    written = Written(large_page)
    for case, entry in zip(large, written.entries, strict=True):
        assert (entry["model"], entry["task"], entry["n"]) == (case.model, case.task, N)
        assert written.json(entry["ids"]) == case.ids
        assert written.json(entry["beginnings"]) == case.texts
        codes = written.array(entry["topics"]["codes"], "<i2")
        assert [entry["topics"]["names"][code] for code in codes] == case.topics
        for name in ("gold", "answer", "correct"):
            np.testing.assert_array_equal(written.array(entry[name], "<i1"), getattr(case, name))
        (stratum,) = entry["strata"]
        values = [*stratum["values"], None]
        assert [values[c] for c in written.array(stratum["codes"], "<i2")] == case.stratum
        for name, values in written.scores(entry).items():
            np.testing.assert_array_equal(values, case.scores[name].astype(np.float32))


def test_details_are_complete_and_in_order(large, large_page):
    written = Written(large_page)
    entry, case = written.entries[0], large[0]
    details, texts = written.rows(entry["details"]), written.rows(entry["texts"])
    assert len(details) == len(texts) == entry["detailed"] == N
    assert [text[0] for text in texts] == case.texts
    for i in (0, 5, N - 1):
        trace, given = details[i]["trace"], case.detail(i)
        assert given.trace is not None
        assert trace["text"] == given.trace.text
        assert trace["values"] == [10, 200, None, 53]
        units = trace["text"].encode("utf-16-le")
        assert sum(trace["lengths"]) == len(units) // 2
        first, last = trace["answerSpan"]
        assert units[2 * first : 2 * last].decode("utf-16-le") == "B"
        assert details[i].get("reasons", {}) == dict(given.reasons)
        assert details[i]["judgements"][0]["text"] == HOSTILE[3]


def test_shared_texts_are_written_once(large_page):
    first, second = Written(large_page).entries
    assert first["texts"] == second["texts"]
    assert first["ids"] == second["ids"]
    assert first["details"] != second["details"]


def test_data_go_inside_the_page_or_beside_it_by_size(large, tmp_path, little_room):
    few = [Case(40)]
    page = write_page(tmp_path / "few", few)
    assert not (tmp_path / "few" / "explorer").exists()
    assert "'self'" not in page.read_text(encoding="utf-8").split("<title>")[0]
    beside = write_page(tmp_path / "many", [large[0]])
    assert "script-src" in (head := beside.read_text(encoding="utf-8").split("<title>")[0])
    assert "'self'" in head
    assert beside.stat().st_size < 100_000
    inside = write_page(tmp_path / "embedded", [large[0]], embed=True)
    assert not (tmp_path / "embedded" / "explorer").exists()
    assert inside.stat().st_size > chunks.INSIDE
    with_files, without = Written(beside), Written(inside)
    assert with_files.entries == without.entries
    name = with_files.entries[0]["scores"]
    assert with_files.bytes(name) == without.bytes(name)


def test_files_of_an_earlier_report_are_deleted(large, tmp_path, little_room):
    write_page(tmp_path, large)
    before = {file.name for file in (tmp_path / "explorer").iterdir()}
    (tmp_path / "explorer" / "mine.txt").write_text("kept")
    write_page(tmp_path, [large[1]])
    after = {file.name for file in (tmp_path / "explorer").iterdir()}
    assert "mine.txt" in after
    assert 1 < len(after) < len(before)
    write_page(tmp_path, [Case(10)])
    assert [file.name for file in (tmp_path / "explorer").iterdir()] == ["mine.txt"]


def test_details_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(explorer, "MOST_BYTES", 40_000)
    case = Case(4000)
    entry = Written(write_page(tmp_path, [case])).entries[0]
    assert 0 < entry["detailed"] < 4000
    assert len(Written(tmp_path / "index.html").rows(entry["details"])) == entry["detailed"]
    assert len(Written(tmp_path / "index.html").rows(entry["texts"])) == 4000


@pytest.mark.parametrize("text", ["", "abc", "é模", "a𝒳b𝒳", "𝒳"])
def test_offsets_are_those_of_javascript(text):
    expected = [len(text[:k].encode("utf-16-le")) // 2 for k in range(len(text) + 1)]
    assert list(utf16_offsets(text)) == expected


READY = "document.getElementById('explorer').dataset.ready"
SETTLED = f"""new Promise((done) => {{
  const look = () => ({READY} ? done({READY}) : setTimeout(look, 5));
  look();
}})"""


def ready(browser: Browser) -> None:
    assert browser.value(SETTLED) == "yes"


def choose(browser: Browser, **fields: Any) -> int:
    """Set filters as a person would, and return the number of questions left."""
    for name, value in fields.items():
        browser.value(
            f"""(() => {{ const field = document.getElementById('x-{name}');
            field.value = {json.dumps(str(value))};
            field.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"""
        )
    browser.value("new Promise((done) => setTimeout(done, 30))")
    count = browser.value("document.getElementById('x-count').textContent")
    return int(count.split(" of ")[0].replace(",", ""))


def reset(browser: Browser) -> None:
    browser.value("document.getElementById('x-filters').reset()")


def ids_in_sight(browser: Browser) -> list[str]:
    return browser.value(
        """Array.from(document.querySelectorAll('.x-row:not([hidden])'))
        .sort((a, b) => a.dataset.place - b.dataset.place)
        .map((row) => row.querySelector('.x-id').textContent)"""
    )


OPENED = """new Promise((done) => {
  const look = () => {
    const head = document.querySelector('#x-question h3');
    if (head && head.textContent === 'Question ' + %s) done(true); else setTimeout(look, 5);
  };
  look();
})"""


def opened(browser: Browser, question: str) -> str:
    """Wait until a question is shown, and return its text."""
    assert browser.value(OPENED % json.dumps(question))
    return browser.value("document.getElementById('x-question').textContent")


@pytest.fixture(scope="module")
def page(large_page: Path) -> Iterator[Browser]:
    with chromium() as browser:
        browser.open(large_page)
        ready(browser)
        yield browser


def test_it_opens_without_network_or_console_error(page):
    assert (
        page.value("document.getElementById('x-count').textContent") == "12,032 of 12,032 questions"
    )
    assert all(address.startswith("file://") for address in page.requests())
    assert page.complaints() == []
    rows = page.value("document.querySelectorAll('.x-row').length")
    assert 5 < rows < 60
    assert ids_in_sight(page)[:3] == ["0", "1", "2"]


def test_scrolling_reaches_the_last_question(page):
    page.value("document.getElementById('x-list').scrollTop = 1e9")
    page.value("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))")
    assert ids_in_sight(page)[-1] == str(N - 1)
    page.value("document.getElementById('x-list').scrollTop = 0")


def test_filters_count_what_they_should(page, large):
    case = large[0]
    topics = sorted(set(case.topics))
    assert choose(page, topic=2) == case.topics.count(topics[2])
    wrong = sum(t == topics[2] and not c for t, c in zip(case.topics, case.correct, strict=True))
    assert choose(page, outcome="wrong") == wrong
    reset(page)
    assert choose(page, outcome="unread") == case.status.count("unparsed")
    reset(page)
    assert choose(page, answer=4, gold=4) == int(((case.answer == 4) & (case.gold == 4)).sum())
    reset(page)
    both = sum("1203" in i for i in case.ids)
    assert choose(page, text="QUESTION 1203") == both
    reset(page)
    page.value(
        """(() => { const field = document.querySelector('[data-stratum]');
        field.selectedIndex = 1; field.dispatchEvent(new Event('input', {bubbles: true})); })()"""
    )
    assert choose(page) == case.stratum.count("high")
    reset(page)
    assert choose(page) == N


def percentiles(values: np.ndarray) -> np.ndarray:
    """The share of lower scores, in percent: pair by pair."""
    single = values.astype(np.float32)
    known = single[~np.isnan(single)]
    return np.array(
        [np.nan if np.isnan(v) else 100 * (known < v).sum() / len(known) for v in single]
    )


def test_a_filter_by_percentile_and_sorting_by_score(page, large):
    case = large[0]
    name = list(case.scores)[2]
    share = percentiles(case.scores[name]).astype(np.float32)
    assert choose(page, score=2, **{"from": 90, "to": 100}) == int((share >= 90).sum())
    assert choose(page, **{"from": 0, "to": 10}) == int((share <= 10).sum())
    reset(page)
    choose(page, sort="score:2")
    order = np.lexsort((np.arange(N), -case.scores[name].astype(np.float32)))
    assert ids_in_sight(page)[:8] == [case.ids[i] for i in order[:8]]
    choose(page, order="up")
    order = np.lexsort((np.arange(N), case.scores[name].astype(np.float32)))
    assert ids_in_sight(page)[:8] == [case.ids[i] for i in order[:8]]
    page.value("document.getElementById('x-list').scrollTop = 1e9")
    page.value("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))")
    missing = np.flatnonzero(np.isnan(case.scores[name]))
    assert ids_in_sight(page)[-1] == case.ids[missing[-1]]
    reset(page)


def test_questions_that_flip(page, large):
    case, other = large
    changed = case.answer != other.answer
    assert choose(page, compare="entry:1", flip="changed") == int(changed.sum())
    lost = (case.correct == 1) & (other.correct == 0)
    assert choose(page, flip="lost") == int(lost.sum())
    both = changed & (case.correct == 0) & (other.correct == 0)
    assert choose(page, flip="wrong") == int(both.sum())
    reset(page)
    assert choose(page, compare="prompt:0", flip="changed") == int(
        (case.prompted != case.answer).sum()
    )
    reset(page)


def test_the_keyboard_moves_and_opens(page, large):
    page.value("document.getElementById('x-list').scrollTop = 0; document.activeElement.blur()")
    page.value("document.getElementById('x-list').focus()")
    page.key("ArrowDown", 40)
    page.key("ArrowDown", 40)
    active = "document.getElementById('x-list').getAttribute('aria-activedescendant')"
    assert page.value(active) == "x-row-2"
    assert page.value("document.getElementById('x-row-2').getAttribute('aria-selected')") == "true"
    page.key("Enter", 13, "\r")
    opened(page, "2")
    assert page.value("location.hash") == "#q=2"
    page.key("End", 35)
    assert page.value(active) == f"x-row-{N - 1}"
    page.key("Home", 36)
    assert page.value(active) == "x-row-0"


def test_an_address_opens_its_question(page, large, large_page):
    page.open(large_page, "#q=70")
    ready(page)
    text = opened(page, "70")
    case = large[0]
    assert case.texts[70].split(":")[0] in text
    share = percentiles(case.scores["estimator_0"])[70]
    assert f"{np.float32(share):.1f} %" in text
    page.value("location.hash = '#q=71&model=other%2Fmodel%20%26%20%3Cb%3Ex%3C%2Fb%3E'")
    assert large[1].model in opened(page, "71")
    page.open(large_page, "#q=nothing%20like%20it")
    ready(page)
    said = page.value("document.getElementById('x-state').textContent")
    assert said == "No question nothing like it is in this report."


def test_hostile_text_stays_text(page, large, large_page):
    for number, hostile in enumerate(HOSTILE):
        page.open(large_page, f"#q={number}")
        ready(page)
        text = opened(page, str(number))
        spelled = hostile.replace("\u2028", "\\u2028").replace("\x1b", "\\x1b")
        spelled = spelled.replace("\u202e", "\\u202e").replace("\u202c", "\\u202c")
        assert f"First {spelled} so the answer is [[B]]." in text
        assert "\u202e" not in page.value("document.body.textContent")
        assert page.value("document.querySelectorAll('img, iframe, object, [onerror]').length") == 0
        assert page.value("document.querySelectorAll('#explorer script').length") == 0
        assert page.complaints() == []


def test_the_trace_shows_tokens_and_the_answer(page, large_page):
    page.open(large_page, "#q=1")
    ready(page)
    opened(page, "1")
    tokens = ".x-text .x-token"
    texts = page.value(
        f"Array.from(document.querySelectorAll('{tokens}')).map((t) => t.textContent)"
    )
    assert len(texts) == 4
    assert texts[0] == "First"
    assert page.value("document.querySelector('.x-text .x-answer').textContent") == texts[2]
    assert page.value("document.querySelector('.x-text mark').textContent") == "B"
    titles = page.value(f"Array.from(document.querySelectorAll('{tokens}')).map((t) => t.title)")
    assert titles[1] == "entropy 2.00 nats"
    fill = f"getComputedStyle(document.querySelectorAll('{tokens}')[%d]).backgroundColor"
    assert page.value(fill % 1) != page.value(fill % 0)
    scores = page.value(
        "Array.from(document.querySelectorAll('#x-question h4')).map((h) => h.textContent)"
    )
    assert {"Options", "Generated text", "Other orders of the options", "Scores"} <= set(scores)


def test_a_server_may_serve_it(large_page):
    handler = functools.partial(QuietHandler, directory=str(large_page.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with chromium() as browser:
            browser.visit(f"http://127.0.0.1:{server.server_port}/index.html#q=70")
            ready(browser)
            opened(browser, "70")
            assert [event for event in browser.complaints() if "favicon" not in str(event)] == []
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_page_without_its_folder_says_so(large_page, tmp_path):
    alone = Path(shutil.copy(large_page, tmp_path / "index.html"))
    with chromium() as browser:
        browser.open(alone)
        assert browser.value(SETTLED) == "failed"
        said = browser.value("document.getElementById('x-state').textContent")
        assert "the folder explorer belongs beside this page" in said


def test_what_is_inside_the_page_needs_no_folder(large, tmp_path):
    with chromium() as browser:
        browser.open(write_page(tmp_path, [large[0]], embed=True), "#q=12031")
        ready(browser)
        opened(browser, "12031")
        assert len(browser.requests()) == 1
        assert browser.complaints() == []


def test_it_does_not_print(page):
    page.call("Emulation.setEmulatedMedia", media="print")
    try:
        display = page.value("getComputedStyle(document.getElementById('explorer')).display")
        assert display == "none"
    finally:
        page.call("Emulation.setEmulatedMedia", media="")
