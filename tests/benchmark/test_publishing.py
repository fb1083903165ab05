"""Bundles and the leaderboard: their numbers, what they refuse, their pages in a browser."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from apprehend.benchmark.console.errors import ApprehendError
from apprehend.benchmark.publishing.bundles import export_bundle, opened_bundle
from apprehend.reports.site.standing_changes import changes
from helpers import in_process
from sklearn.metrics import roc_auc_score

HOSTILE = "<img src=x onerror=alert(1)>"
QUESTIONS = 240


def _answers(seed: int, accuracy: float) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    right = generator.random(QUESTIONS) < accuracy
    gold = generator.choice(list("ABCD"), QUESTIONS)
    other = np.where(gold == "A", "B", "A")
    return pd.DataFrame(
        {
            "id": np.arange(QUESTIONS),
            "topic": np.tile(["law", "physics", HOSTILE], QUESTIONS // 3),
            "gold": gold,
            "answer": np.where(right, gold, other),
            "question": [f"secret stem {i}" for i in range(QUESTIONS)],
            "mine": generator.normal(size=QUESTIONS) + ~right,
        }
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two models with a score of their own."""
    folder = tmp_path_factory.mktemp("publishing")
    for model, (seed, accuracy) in {"small-1B": (1, 0.5), "large-7B": (2, 0.7)}.items():
        _answers(seed, accuracy).to_csv(folder / f"{model}.csv", index=False)
        done = in_process(
            ["import", "table", folder / f"{model}.csv", "--model", model,
             "--task", f"t_{model[0]}", "--id", "id", "--topic", "topic",
             "--answer", "gold", "--prediction", "answer",
             "--question", "question", "--score", "mine=mine", "--output_path", folder / "results"],
            folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder / "results"


@pytest.fixture(scope="module")
def bundle(results: Path) -> Path:
    """A bundle of them."""
    path = results.parent / "both.zip"
    done = in_process(
        ["export", results, "--output_path", path, "--replicates", 200], results.parent
    )
    assert done.returncode == 0, done.stderr
    return path


def _rewritten(
    bundle: Path, target: Path, change: Callable[[dict[str, bytes]], None], hashes: bool
) -> Path:
    """A copy of a bundle with other content, and with the right hashes if wanted."""
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    if hashes:
        about = json.loads(files["bundle.json"])
        about["files"] = {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
            if name != "bundle.json"
        }
        files["bundle.json"] = json.dumps(about).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def test_a_bundle_states_the_metrics_of_the_report(results: Path, bundle: Path, tmp_path: Path):
    done = in_process(
        ["report", results, "--output_path", tmp_path, "--replicates", 200, "--formats", "svg"],
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(bundle) as archive:
        assert archive.read("metrics.csv") == (tmp_path / "metrics.csv").read_bytes()
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"secret stem" not in everything
    done = in_process(["verify", bundle], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "rows of metrics recomputed; nothing wrong" in done.stdout


def test_the_same_results_give_the_same_bytes_and_texts_on_request(
    results: Path, bundle: Path, tmp_path: Path
) -> None:
    export_bundle([results], tmp_path / "again.zip", replicates=200)
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()
    export_bundle([results / "small-1B"], tmp_path / "texts.zip", texts=True, replicates=100)
    with opened_bundle(tmp_path / "texts.zip") as opened:
        (store,) = opened.stores
        assert store.questions.column("question").to_pylist()[0] == "secret stem 0"


def _other_metric(files: dict[str, bytes]) -> None:
    text = files["metrics.csv"].decode()
    number = re.search(r"0\.\d{10,}", text)
    assert number is not None
    files["metrics.csv"] = text.replace(number[0], "0.9", 1).encode()


def _other_score(files: dict[str, bytes]) -> None:
    import io

    name = next(name for name in files if name.endswith("scores.parquet"))
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(files[name]))
    scores = table.column("score").to_pylist()
    scores[0] = 99.0
    place = table.column_names.index("score")
    changed = table.set_column(place, "score", pa.array(scores, table.schema.field(place).type))
    buffer = io.BytesIO()
    pq.write_table(changed, buffer)
    files[name] = buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "hashes", "words"),
    [
        (_other_metric, False, ("metrics.csv was changed", "refused")),
        (_other_metric, True, ("metrics.csv states", "its scores give", "refused")),
        (_other_score, True, ("its scores give", "refused")),
        (lambda f: f.pop("metrics.csv"), False, ("metrics.csv is missing",)),
        (lambda f: f.update({"more.txt": b"x"}), False, ("more.txt is not in the bundle's list",)),
        (lambda f: f.update({"more.txt": b"x"}), True, ("'more.txt' is no file of a bundle",)),
        (lambda f: f.update({"../up/t/manifest.json": b"{}"}), True, ("is no file of a bundle",)),
        (lambda f: f.pop("bundle.json"), False, ("holds no bundle.json",)),
        (lambda f: f.update({"bundle.json": b"[]"}), False, ("not that of an apprehend bundle",)),
        (lambda f: f.update({"bundle.json": b"{"}), False, ("is not readable",)),
        (
            lambda f: f.update(
                {"bundle.json": b'{"format": "apprehend bundle", "schema": 99, "files": {}}'}
            ),
            False,
            ("schema 99", "upgrade"),
        ),
    ],
)  # fmt: skip
def test_a_tampered_bundle_is_refused_in_one_line(
    bundle: Path, tmp_path: Path, change: Any, hashes: bool, words: tuple[str, ...]
) -> None:
    target = _rewritten(bundle, tmp_path / "b.zip", change, hashes)
    for command in (["verify", target], ["leaderboard", target, "--output_path", tmp_path / "s"]):
        done = in_process(command, tmp_path)
        assert done.returncode == 1
        (line,) = done.stderr.strip().splitlines()
        assert all(word in line for word in words), line
        assert "unexpected" not in line
    assert not (tmp_path / "s").exists()


def test_a_damaged_file_is_no_bundle(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(bundle.read_bytes()[:-400])
    with (
        pytest.raises(ApprehendError, match="not a readable bundle"),
        opened_bundle(tmp_path / "cut.zip"),
    ):
        pass


@pytest.fixture(scope="module")
def site(results: Path, bundle: Path) -> Path:
    """A leaderboard of the bundle, with what a file says of the models."""
    facts = results.parent / "models.csv"
    facts.write_text("model,weights,license\nsmall-1B,open,MIT\nlarge-7B,closed,\n")
    folder = results.parent / "site"
    done = in_process(
        ["leaderboard", bundle, "--models", facts, "--output_path", folder], results.parent
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_leaderboard_shows_the_metrics(results: Path, site: Path) -> None:
    metrics = pd.read_csv(site / "metrics.csv")
    raw = pd.read_csv(results.parent / "small-1B.csv")
    own = metrics[(metrics.model == "small-1B") & (metrics.estimator == "mine")]
    law = raw[raw.topic == "law"]
    assert own.set_index("topic").roc_auc["law"] == pytest.approx(
        roc_auc_score(law.gold != law.answer, law.mine), abs=1e-12
    )
    page = (site / "index.html").read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json" id="values">(.*?)</script>', page)
    assert data is not None
    values = json.loads(html.unescape(data[1]))
    flat = {v[0] for task in values.values() for t in task.values() for r in t for v in r if v}
    assert round(float(own.set_index("topic").roc_auc["law"]), 4) in flat
    macro = own.set_index("topic").roc_auc["macro"]
    assert f"{macro:.3f}" in page
    assert HOSTILE not in page
    assert 'data-weights="open"' in page
    assert "MIT" in page


def test_every_model_and_estimator_has_a_page_that_is_linked(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'href="((?:models|estimators)/[^"]+)"', page))
    assert {"models/small-1B.html", "models/large-7B.html", "estimators/mine.html"} <= links
    assert all((site / link).is_file() for link in links)
    files = {str(p.relative_to(site)) for kind in ("models", "estimators")
             for p in (site / kind).iterdir()}  # fmt: skip
    assert files == links


def test_cards_are_read_by_the_hub_library(site: Path) -> None:
    from huggingface_hub import DatasetCard, ModelCard

    card = ModelCard.load(site / "cards" / "small-1B.md")
    results = {r.metric_name: r.metric_value for r in card.data.eval_results}
    metrics = pd.read_csv(site / "metrics.csv").set_index(["model", "estimator", "topic"])
    assert results["accuracy"] == metrics.accuracy["small-1B", "mine", "all"]
    named = "ROC AUC of errors by mine, mean over topics"
    assert results[named] == metrics.roc_auc["small-1B", "mine", "macro"]
    about = DatasetCard.load(site / "README.md")
    assert about.data.task_categories == ["question-answering", "multiple-choice"]
    assert yaml.safe_load((site / "README.md").read_text().split("---")[1])


def test_a_later_build_says_what_changed(results: Path, site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    again = in_process(
        ["leaderboard", results / "small-1B", "--output_path", folder, "--replicates", 200],
        tmp_path,
    )
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[0] == "removed: large-7B on t_l"
    assert "removed: large-7B on t_l" in (folder / "index.html").read_text(encoding="utf-8")


def test_changes_are_those_of_the_values() -> None:
    one = {"roc_auc": {'["m", "t", "a"]': 0.6, '["m", "t", "b"]': 0.5, '["x", "t", "a"]': None}}
    two = {"roc_auc": {'["m", "t", "a"]': 0.7, '["m", "t", "c"]': 0.5, '["y", "t", "a"]': 0.5}}
    assert changes(None, two) == []
    assert changes(one, one) == ["no change"]
    assert changes(one, two) == [
        "new: y on t",
        "new: c of m on t",
        "removed: x on t",
        "removed: b of m on t",
        "a of m on t: mean ROC AUC 0.600 → 0.700",
    ]


def test_what_is_given_wrongly_is_refused(results: Path, bundle: Path, tmp_path: Path) -> None:
    def refused(*arguments: Any) -> str:
        done = in_process([*arguments], tmp_path)
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.strip().splitlines()
        return line

    out = ("--output_path", tmp_path / "site")
    assert "hold the same model and task" in refused("leaderboard", results, bundle, *out)
    assert "expected a .zip" in refused("export", results, "--output_path", tmp_path / "x.tar")
    assert "cannot be repaired" in refused("verify", bundle, "--repair")
    facts = tmp_path / "models.csv"
    for text, words in {
        "model,weights\nother,open\n": "no results of 'other'",
        "model,weights\nsmall-1B,ajar\n": "expected open or closed",
        "model,parameters\nsmall-1B,many\n": "expected a number such as 7e9",
        "name,weights\nsmall-1B,open\n": "expected a column model",
    }.items():
        facts.write_text(text)
        assert words in refused("leaderboard", bundle, "--models", facts, *out)
    assert "no such file" in refused("leaderboard", bundle, "--models", tmp_path / "none", *out)
    assert not (tmp_path / "site").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_filters_work_in_a_browser(site: Path, tmp_path: Path) -> None:
    """The script runs under the page's own policy, and hostile text stays text."""
    page = (site / "index.html").read_text(encoding="utf-8")
    probe = tmp_path / "index.html"
    probe.write_text(page, encoding="utf-8")
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
         "--dump-dom", f"file://{probe}"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    shown = done.stdout
    assert 'id="filters"' in shown
    assert not re.search(r'<form class="board-filters" id="filters" hidden', shown)
    assert "<img" not in shown
