"""The page in a real browser: headless Chromium, driven over its debugging pipe."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from apprehend.reports import ReportInput, build_report

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", "--window-size=1300,900"),
)


class Browser:
    """The few commands of the DevTools protocol that the tests need."""

    def __init__(self, program: str, profile: str) -> None:
        to_child, self.write_end = os.pipe()
        self.read_end, from_child = os.pipe()

        def connect() -> None:  # the browser reads commands from 3 and answers on 4
            os.dup2(to_child, 13)
            os.dup2(from_child, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            close_fds=False,
            preexec_fn=connect,  # noqa: PLW1509 (one thread)
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self.events: list[dict[str, Any]] = []
        self._buffer, self._next = b"", 0
        target = self.call("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in target if one["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    session = ""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._next += 1
        message = {"id": self._next, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._next:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self.read_end, 1 << 16)
            assert chunk, "the browser closed its pipe"
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, path: Path) -> None:
        self.call("Page.navigate", url=path.as_uri())
        self.until("Page.loadEventFired")

    def until(self, method: str) -> None:
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._read())

    def value(self, expression: str) -> Any:
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def key(self, name: str, code: int, text: str = "") -> None:
        shared = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        os.close(self.read_end)
        os.close(self.write_end)


@pytest.fixture(scope="module")
def page(full_input: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    folder = tmp_path_factory.mktemp("page")
    build_report(ReportInput(**full_input), folder, replicates=20, formats=("svg",))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            browser.open(folder / "index.html")
            yield browser
        finally:
            browser.close()


def test_it_renders_without_network_or_console_error(page):
    assert page.value("document.documentElement.dataset.ready") == "yes"
    assert page.value("document.querySelectorAll('figure svg').length") > 20
    requests = [
        event["params"]["request"]["url"]
        for event in page.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert len(requests) == 1
    assert requests[0].startswith("file://")
    bad = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
    assert [event for event in page.events if event["method"] in bad] == []


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
