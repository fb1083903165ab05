"""Console output: no secret, and no control sequence that a terminal would execute."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from apprehend.benchmark.console import masking
from apprehend.benchmark.console.escaping import has_control, printable
from apprehend.benchmark.console.masking import MASK, MaskingFormatter, mask_text
from apprehend.benchmark.console.options import say, show
from apprehend.benchmark.console.progress import progress_bar
from helpers import ROOT, environment, in_process

SCRIPT = Path(sys.executable).with_name("apprehend")
CONTROLS = "\x1b[31m\x1b]0;title\x07\x9b2J\r\x00\x08\x7f\u202e\u2066\u200f\ufeff\u2028"
HARMLESS = "Zoë, 数学, модель, \u0645\u06cc\u200c\u062e, 👩\u200d🔬 [red]x[/red] {} % \\"


def obeyed(text: str) -> list[str]:
    """Return the characters of a text that a terminal would execute."""
    return [
        c for c in text if (c in CONTROLS and c not in "[31m];0tile2J ") or "\x80" <= c < "\xa0"
    ]


def test_printable() -> None:
    shown = printable(CONTROLS)
    assert not obeyed(shown)
    assert shown.isprintable()
    assert printable(HARMLESS) == HARMLESS
    assert printable("a\nb\tc", lines=True) == "a\nb\tc"
    assert printable("a\nb\tc") == "a\\nb\\tc"
    assert printable("\ud83d") == "\\ud83d"
    assert has_control("a\nb")
    assert not has_control(HARMLESS)


def test_every_way_of_printing_escapes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.table import Table

    say(f"said {CONTROLS}{HARMLESS}")
    table = Table(f"head {CONTROLS}", title=f"title {CONTROLS}")
    table.add_row(f"cell {CONTROLS}{HARMLESS}")
    show(table, f"line {CONTROLS}{HARMLESS} [bold]", f"emoji :smile: {HARMLESS}")
    with progress_bar(2, f"bar {CONTROLS}") as bar:
        bar.update(1)
    record = logging.LogRecord("x", 30, "f", 1, "log %s", (CONTROLS + "\nERROR x",), None)
    out, err = capsys.readouterr()
    logged = MaskingFormatter("%(levelname)s %(message)s").format(record)
    for text in (out, err.replace("\r", ""), logged):
        assert not obeyed(text), ascii(text)
    assert out.count("[red]x[/red]") == 3
    assert "[bold]" in out
    assert ":smile:" in out
    assert "\nERROR" not in logged


def test_payloads_of_a_table_reach_the_terminal_escaped(tmp_path: Path) -> None:
    """Topics, names of columns and files: through import, report tables, threshold and split."""
    odd = f"{CONTROLS}[red]law".replace("\x00", "").replace("\r", "")
    frame = {
        "id": range(40), "gold": ["A", "B"] * 20, "pred": ["A"] * 40, odd: [odd] * 40,
        "h": [number / 40 for number in range(40)],
    }  # fmt: skip
    file = tmp_path / f"{odd.replace('/', '')}.jsonl"
    pd.DataFrame(frame).to_json(file, orient="records", lines=True)
    printed = []
    for command in (
        ["import", "table", file, "--model", "m[red]", "--id", "id", "--answer", "gold",
         "--prediction", "pred", "--topic", odd, "--score", "[b]h=h", "--output_path", "r"],
        ["import", "table", file, "--model", "m[red]", "--id", "id", "--answer", odd],
        ["threshold", "r", "--estimator", "[b]h"],
        ["split", "r", "--by", "[b]h", "--groups", f"[red]a,{odd}"],
        ["threshold", "r", "--estimator", odd],
        ["verify", "r"],
        ["report", odd],
        [odd],
        ["run", f"--{odd}"],
        ["report", "r", "--seed", odd],
    ):  # fmt: skip
        done = in_process(command, tmp_path)
        printed.append(done.stdout + done.stderr)
        assert not obeyed(printed[-1]), ascii(printed[-1])
    assert "[b]h ≤ threshold" in printed[2]
    assert "[red]a" in printed[3]


KEYS = {name: f"plain-{name}-0123456789" for name in
        ("model", "judge", "query", "token", "user", "header", "environment")}  # fmt: skip
SECRETS = (
    f"--model_args model=x,base_url=http://me:{KEYS['user']}@127.0.0.1:9/v1?"
    f"api_key={KEYS['query']}&token={KEYS['token']},max_retries=1,api_key={KEYS['model']}"
).split(" ")


def leaks(text: str) -> list[str]:
    return [key for key in KEYS.values() if key in text]


@pytest.mark.parametrize("where", ["engine", "judge", "plugin", "thread"])
def test_the_installed_script_shows_no_key_whatever_breaks(where: str, tmp_path: Path) -> None:
    """With --debug, as a user runs it: keys in arguments, addresses, headers and environment."""
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import sys, threading, warnings, logging, gc\n"
        "words = ' '.join(sys.argv)\n"
        "def fail(): raise RuntimeError('bare ' + words)\n"
        "if 'thread' in sys.argv[-1]:\n"
        "    thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "    class Last:\n"
        "        def __del__(self): fail()\n"
        "    last = Last(); del last; gc.collect()\n"
        "    warnings.warn(words)\n"
        "    handler = logging.StreamHandler(); handler.setFormatter(logging.Formatter())\n"
        "    logging.getLogger('library').addHandler(handler)\n"
        "    logging.getLogger('library').error('%s', words)\n"
        "    print(words); print(words, file=sys.stderr)\n"
        "fail()\n",
        encoding="utf-8",
    )
    judge = ["--judge", "local-chat-completions", "--judge_args",
             f"model=x,base_url=http://127.0.0.1:9/v1,max_retries=1,api_key={KEYS['judge']},"
             f"header={{\"X-Own\": \"{KEYS['header']}\"}}"]  # fmt: skip
    more = {
        "engine": [*SECRETS, "--model", "local-completions"],
        "judge": ["--model_args", "pretrained=embedded", *judge, "--judge_name", "bad/"],
        "plugin": [*SECRETS, *judge, "--model", "local-completions", "--estimators",
                   f"{plugin}:Mine"],
        "thread": [*SECRETS, *judge, "--model", "local-completions", "--estimators",
                   f"{plugin}:Mine", "--output_path", tmp_path / "thread"],
    }[where]  # fmt: skip
    done = subprocess.run(
        [str(SCRIPT), "--debug", "run", "--tasks", "mmlu_pro_direct_law", "--limit", "1",
         "--data", "embedded", "--output_path", str(tmp_path / "o"), *map(str, more)],
        capture_output=True, text=True, check=False, timeout=300,
        env={**environment(), "MY_TOKEN": KEYS["environment"],
             "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT / ".typing"))},
    )  # fmt: skip
    shown = done.stdout + done.stderr
    assert done.returncode in (1, 2), shown
    assert "Traceback" in shown
    assert not leaks(shown), shown
    assert shown.splitlines()[-1].startswith("apprehend: error: ")
    if where == "thread":
        assert shown.count(f"api_key={MASK}") >= 6


def test_secrets_inside_other_values_and_in_time_that_grows_with_the_text() -> None:
    assert mask_text("base_url=http://h/v1?a=1&api_key=abc,x=2") == (
        f"base_url=http://h/v1?a=1&api_key={MASK},x=2"
    )
    assert mask_text("http://me:p@ss@h/v1") == f"http://{MASK}@h/v1"
    assert mask_text("a=" * 200_000) == "a=" * 200_000


def test_a_typed_secret_is_masked_however_it_turns_up() -> None:
    masking.remember_typed(["run", "--token", "first secret", "x=1,api_key=a/b+c%20d"])
    try:
        for text in ("first secret", "first%20secret", "a/b+c%20d", "a%2Fb%2Bc%2520d", "a/b+c d"):
            assert mask_text(f"<{text}>") == f"<{MASK}>"
    finally:
        masking.remember_typed([])
    assert mask_text("first secret") == "first secret"
