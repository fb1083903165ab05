"""The question explorer at full size: writing its data, and using it in headless Chromium.

    python tests/performance/explorer_case.py [QUESTIONS] [--estimators 25] [--models 1]

Writes a results folder of made-up answers, the explorer's data and a page with nothing else, opens
it as a file, and prints seconds and sizes; steps of scrolling, filtering and sorting are the median
and the longest of several, with layout and painting.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from apprehend.benchmark.reporting.exploring.explored_stores import explored_stores
from apprehend.benchmark.reporting.report_inputs import input_of
from apprehend.benchmark.store.task_store import Results
from apprehend.reports import write_explorer
from apprehend.reports.page.page import render_page
from browser import Browser, chromium
from report_case import write_report_case

READY = """new Promise((done) => { const look = () => {
  const state = document.getElementById('explorer')?.dataset.ready;
  state ? done(state) : setTimeout(look, 2); }; look(); })"""
TIMED = """new Promise((done) => {
  const began = performance.now();
  %s;
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began), 0));
})"""


def step(name: str, value: str) -> str:
    """Set a field, as a person would."""
    return (
        f"(() => {{ const f = document.getElementById('x-{name}'); f.value = {json.dumps(value)}; "
        "f.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


STEPS = {
    "scroll": [
        f"document.getElementById('x-list').scrollTop = {k} * 48 * 37 % (48 * 12000)"
        for k in range(1, 60)
    ],
    "filter": [
        *(step("topic", str(k)) for k in range(8)),
        *(step("outcome", v) for v in ("right", "wrong", "unread", "")),
        *(step("text", "number 1203"[:k]) for k in range(11)),
        *(step("text", v) for v in ("",)),
        *(step("topic", v) for v in ("",)),
        *(step("score", str(k)) for k in range(5)),
        *(step("from", str(k)) for k in (10, 50, 90, 0)),
    ],
    "sort": [
        *(step("sort", f"score:{k}") for k in range(8)),
        *(step("order", v) for v in ("up", "down", "up")),
        step("sort", ""),
    ],
}


def timed(browser: Browser, steps: list[str]) -> str:
    """Median and longest duration of some steps, in milliseconds."""
    times = [float(browser.value(TIMED % one)) for one in steps]
    return f"{statistics.median(times):.0f} ms (longest {max(times):.0f})"


def use(page: Path) -> list[str]:
    """Open the page in Chromium and measure."""
    lines = []
    with chromium() as browser:
        began = time.perf_counter()
        browser.open(page)
        assert browser.value(READY) == "yes"
        lines.append(f"open: {time.perf_counter() - began:.2f} s")
        lines += [f"{name}: {timed(browser, steps)}" for name, steps in STEPS.items()]
        began = time.perf_counter()
        browser.open(page, "#q=70")
        assert browser.value(READY) == "yes"
        lines.append(f"open one question by its address: {time.perf_counter() - began:.2f} s")
    return lines


def main() -> None:
    """Write a page of that size, use it, print what it took."""
    parser = argparse.ArgumentParser(description="Measure the question explorer.")
    parser.add_argument("questions", nargs="?", type=int, default=12_032)
    parser.add_argument("--estimators", type=int, default=25)
    parser.add_argument("--models", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="apprehend-explorer-") as temporary:
        root = Path(temporary)
        for number in range(chosen.models):
            size = (chosen.questions, chosen.estimators, 14, f"model_{number:02d}", number)
            write_report_case(root / "results", *size)
        stores = Results(root / "results").stores()
        scores = input_of(stores).scores
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        part = write_explorer(explored_stores(stores, scores), len(stores), root / "page")
        seconds = time.perf_counter() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        settings = {"rows": "all", "replicates": 0, "seed": 0, "additions": [part]}
        page = root / "page" / "index.html"
        page.parent.mkdir(exist_ok=True)
        page.write_text(render_page([], [], [], settings), encoding="utf-8")
        beside = sum(file.stat().st_size for file in part.files)
        sys.stdout.write(
            f"{chosen.models} models, {chosen.questions} questions, {chosen.estimators} estimators"
            f"\nwrite: {seconds:.1f} s, {memory / 1e3:.0f} MB more memory; page "
            f"{page.stat().st_size / 1e6:.1f} MB, {len(part.files)} files of {beside / 1e6:.1f} "
            "MB\n"
        )
        sys.stdout.write("\n".join(use(page)) + "\n")


if __name__ == "__main__":
    main()
