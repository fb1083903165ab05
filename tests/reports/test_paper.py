"""The paper's tables and figures, and the verdict on each published value."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import ReportInput, build_comparison, build_paper
from apprehend.reports.paper.published_tables import published
from apprehend.reports.paper.verdicts import (
    DIFFERS,
    REPRODUCED,
    UNKNOWN,
    compute_verdicts,
    published_model,
    task_kind,
)


def test_published_values_are_complete_and_plausible():
    areas = published("roc_auc")
    assert areas["roc_auc"].between(0.3, 0.95).all()
    table_2 = areas[areas["table"] == "table 2"]
    assert table_2.groupby("model").size().tolist() == [20] * 4
    overall = table_2[table_2["topic"] == "all"].set_index("model")["roc_auc"].to_dict()
    names = ("Phi-4", "Mistral-24B", "Qwen2.5-1.5B", "Qwen2.5-72B")
    assert overall == dict(zip(names, (0.58, 0.52, 0.70, 0.77), strict=True))
    assert published("table_1_topics")["n"].sum() == 12032
    key = ["source", "table", "model", "task", "estimator", "topic"]
    assert not areas.duplicated(key).any()


def test_published_values_equal_the_recorded_tables(recorded_folder):
    table = pd.read_csv(recorded_folder / "tables" / "paper_2503.01688_table2.csv")
    own = published("roc_auc").query("table == 'table 2' and model == 'Phi-4'")
    assert own["roc_auc"].tolist() == table["phi_4"].tolist()
    notebook = pd.read_csv(recorded_folder / "tables" / "notebook_caft_single_token_entropy.csv")
    known = set(published("roc_auc")["roc_auc"])
    assert set(notebook["roc_auc"]) <= known


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Qwen2.5-3B-Instruct", "Qwen2.5-3B"),
        ("microsoft__Phi-4-mini-instruct", "Phi-4-mini"),
        ("phi-4", "Phi-4"),
        ("Mistral-Small-24B-Instruct-2501", "Mistral-24B"),
        ("gemma-7b", None),
    ],
)
def test_models_are_known_by_their_names(name, expected):
    assert published_model(name) == expected


def test_tasks_are_told_apart():
    assert task_kind("mmlu_pro_direct") == "direct"
    assert task_kind("mmlu_pro_cot") == "cot"
    assert task_kind("mmlu_pro_direct_dont_know") == "direct_dont_know"


def metrics_row(
    value, estimator="post_answer_entropy", topic="all", n=10800, accuracy=0.5, half=0.01
):
    return {
        **{"model": "phi-4", "task": "mmlu_pro_direct", "estimator": estimator, "topic": topic},
        **{"roc_auc": value, "roc_auc_low": value - half, "roc_auc_high": value + half},
        **{"n": n, "n_errors": n // 2, "accuracy": accuracy},
    }


def verdict(rows, every=None, source="2503.01688", topic="all", estimator="post_answer_entropy"):
    paper = pd.DataFrame(rows)
    found = compute_verdicts(paper, paper if every is None else pd.DataFrame(every))
    own = found[(found["source"] == source) & (found["topic"] == topic)]
    own = own[
        (own["estimator"] == estimator) & (own["model"] == "Phi-4") & (own["task"] == "direct")
    ]
    return own.iloc[0]


def test_each_verdict_has_its_reason():
    found = verdict([metrics_row(0.583)])
    assert (found["verdict"], found["reason"]) == (REPRODUCED, "")
    assert found["difference"] == pytest.approx(0.003)
    found = verdict([metrics_row(0.42)])
    assert found["verdict"] == DIFFERS
    assert found["reason"].startswith("sign")
    rows = [metrics_row(0.70), metrics_row(0.58, "token_entropy")]
    assert verdict(rows)["reason"].startswith("token position")
    found = verdict([metrics_row(0.70)], [metrics_row(0.581)])
    assert found["reason"].startswith("row filter")
    found = verdict([metrics_row(0.70)])
    assert found["reason"] == "not explained"
    missing = verdict([metrics_row(0.58)], topic="reasoning_steps=low")
    assert (missing["verdict"], missing["reason"]) == (UNKNOWN, "no judge's labels stored")
    source = "notebook of 2506.21220"
    rows = [metrics_row(0.70, "token_entropy", accuracy=0.6), metrics_row(0.69)]
    found = verdict(rows, source=source, estimator="token_entropy")
    assert found["reason"].startswith("not explained: accuracy 0.525, here 0.600")


@pytest.mark.parametrize(
    ("distance", "n", "reason"),
    [
        (0.27, 5000, "not explained"),  # no sample of that size varies so much
        (0.012, 5000, "n: 10790 rows, here 5000; sampling varies that much"),
        (0.012, 10790, "not explained"),  # as many rows: not another sample
        (0.009, 5000, ""),
    ],
)
def test_n_is_a_reason_only_where_it_accounts_for_the_difference(distance, n, reason):
    """The interval here is ± 0.01; against a value from 10,790 rows it is √(1 + n/10790) wider."""
    source = "notebook of 2506.21220"
    own = published("roc_auc")
    own = own[own["source"].eq(source) & own["topic"].eq("all") & own["model"].eq("Phi-4")]
    target = own[own["estimator"].eq("token_entropy") & own["task"].eq("direct")]["roc_auc"].item()
    rows = [metrics_row(target + distance, "token_entropy", n=n, accuracy=0.525)]
    rows.append(metrics_row(target + 0.1))
    found = verdict(rows, source=source, estimator="token_entropy")
    assert found["reason"] == reason
    assert found["verdict"] == (DIFFERS if reason else REPRODUCED)


@pytest.fixture(scope="module")
def recorded_paper(recorded_input, tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    return folder, build_paper(recorded_input, folder, replicates=200, formats=("svg",))


def test_the_recorded_model_reproduces_what_its_readme_says(recorded_paper):
    """Within 0.03 per category of the notebook of the same run; overall 0.709 against 0.710."""
    folder, paper = recorded_paper
    known = paper.verdicts[paper.verdicts["verdict"] != UNKNOWN]
    later = known[known["source"] == "later notebook of 2506.21220"].set_index("topic")
    assert len(later) == 15
    assert (later["verdict"] == REPRODUCED).all()
    assert later["difference"].abs().max() < 0.03
    assert later["roc_auc"]["all"] == pytest.approx(0.7093, abs=1e-4)
    first = known[known["source"] == "notebook of 2506.21220"]
    reasons = first.loc[first["verdict"] == DIFFERS, "reason"]
    assert len(reasons)
    assert reasons.str.startswith("not explained: accuracy").all()
    table = pd.read_csv(folder / "tables" / "table_1.csv").set_index("topic")
    column = table.columns[-1]
    assert (table["published"] - table[column]).abs().sum() == 2  # two responses were unparsable


def test_paper_files_and_page(recorded_paper):
    folder, paper = recorded_paper
    written = {path.relative_to(folder).as_posix() for path in paper.files}
    assert written == {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    for name in ("table_1", "table_2", "tertiles", "reasoning_labels"):
        for extension in ("md", "csv", "tex"):
            assert f"tables/{name}.{extension}" in written
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert "published ROC AUCs" in html
    assert html.count("<svg") == len([name for name in written if name.endswith(".svg")])


def test_stored_strata_give_figures_2_and_5(full_input, tmp_path):
    given = dict(full_input)
    given["strata"] = pd.concat(
        [given["strata"], given["strata"].assign(stratum="requires_reasoning", value="yes")]
    )
    paper = build_paper(ReportInput(**given), tmp_path, replicates=5, formats=("svg",))
    names = {path.name for path in paper.files}
    for name in ("figure_2a_t.svg", "figure_2b_t.svg", "figure_5_token_entropy.svg"):
        assert name in names
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html


def test_without_the_papers_estimators_there_is_no_paper(make_scores, tmp_path):
    scores = make_scores(30, ("mine",))
    with pytest.raises(ValueError, match="token_entropy"):
        build_paper(ReportInput(scores), tmp_path)


def test_comparison_files(full_input, tmp_path):
    result = build_comparison(ReportInput(**full_input), tmp_path, replicates=20, formats=("svg",))
    written = {path.relative_to(tmp_path).as_posix() for path in result.files}
    assert {"comparisons.csv", "sizes.csv", "metrics.csv", "index.html"} <= written
    assert set(result.comparisons["family"]) == {"models"}
    assert re.search(r"distinguishable", " ".join(result.summary))
    assert "<script>alert" not in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert np.isnan(result.sizes["parameters"].astype(float)).all()


def test_every_latex_table_compiles(recorded_paper, full_input, tmp_path):
    program = shutil.which("pdflatex") or shutil.which("tectonic")
    if program is None:
        pytest.skip("neither pdflatex nor tectonic is installed")
    build_comparison(ReportInput(**full_input), tmp_path, replicates=5, formats=())
    sources = [*(recorded_paper[0] / "tables").glob("*.tex"), *(tmp_path / "tables").glob("*.tex")]
    assert len(sources) >= 5
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    document = tmp_path / "all.tex"
    document.write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n"
        f"{text}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    flags = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in program else []
    done = subprocess.run(
        [program, *flags, document.name], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
