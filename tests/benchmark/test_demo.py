"""``apprehend demo``: what the README promises of it, measured on its own output."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import bootstrap_roc_auc
from apprehend.tasks.topics import TOPICS
from helpers import ROOT, Run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, cli: Run) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = cli("demo", "--output_path", folder)
    assert done.returncode == 0, done.stderr
    return folder


def direct(demo: Path, estimator: str) -> pd.DataFrame:
    folder = demo / "embedded" / "mmlu_pro_direct"
    scores = pd.read_parquet(folder / "scores.parquet")
    sources = pd.read_parquet(folder / "questions.parquet").set_index("question_id").src
    scores = scores[scores.estimator == estimator]
    return scores.assign(src=scores.question_id.map(sources))


def test_report_has_all_topics_and_two_kinds_of_estimators(demo: Path) -> None:
    metrics = pd.read_csv(demo / "report" / "metrics.csv")
    for estimator in ("token_entropy", "masj_complexity"):
        shown = metrics[metrics.estimator == estimator]
        assert set(TOPICS) | {"all", "macro"} <= set(shown.topic)
    assert (demo / "report" / "index.html").stat().st_size > 10_000


def test_the_model_is_neither_hopeless_nor_perfect(demo: Path) -> None:
    assert 0.35 < direct(demo, "token_entropy").correct.mean() < 0.85


def test_entropy_knows_of_facts_more_than_of_steps(demo: Path) -> None:
    table = direct(demo, "token_entropy")
    facts = table[table.src == "embedded/knowledge"]
    steps = table[table.src.isin([f"embedded/reasoning-{n}" for n in (2, 3, 4)])]
    assert min(len(facts), len(steps)) > 300
    known, computed = (
        bootstrap_roc_auc(~part.correct.to_numpy(), part.score.to_numpy(np.float64))
        for part in (facts, steps)
    )
    assert known.low > computed.high


def test_judgements_are_read(demo: Path) -> None:
    judged = direct(demo, "masj_complexity")
    assert judged.score.notna().mean() > 0.97


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/benchmark_a_model.md"])
def test_the_pages_show_what_the_demo_finds(demo: Path, page: str) -> None:
    """Up to what another processor rounds otherwise, a topic at the minimum per class included."""
    sys.path.append(str(ROOT / "docs"))
    from demo_table import END, PAGES, START, demo_table

    made = demo_table(pd.read_csv(demo / "report" / "metrics.csv"), PAGES[ROOT / page])
    shown = (ROOT / page).read_text(encoding="utf-8").split(START)[1].split(END)[0]
    number, ends = r"\d[\d,]*(?:\.\d+)?", r" \[[^]]*\]|†"
    words = [re.sub(number, "", re.sub(ends, "", text)) for text in (shown, made)]
    assert words[0] == words[1]
    cells = [re.split(r"\|", text) for text in (shown, made)]
    both = [pair for pair in zip(*cells, strict=True) if ("†" in pair[0]) == ("†" in pair[1])]
    assert len(both) > 0.9 * len(cells[0])
    values = (zip(*(re.findall(number, text) for text in pair), strict=True) for pair in both)
    pairs = (pair for found in values for pair in found)
    for said, found in pairs:
        slack = 0.025 if "." in said else 3
        assert abs(float(said.replace(",", "")) - float(found.replace(",", ""))) <= slack
