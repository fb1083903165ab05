"""The written report: files, escaping, determinism, terminal."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import warnings
from html.parser import HTMLParser
from io import BytesIO, StringIO
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from apprehend.estimators import builtin_estimators
from apprehend.reports import METRIC_COLUMNS, ReportInput, build_report, topic_tables
from apprehend.reports.figures.score_histograms import bin_edges, compute_histograms
from apprehend.reports.frames.atomic_files import clear_leftovers, write_atomically
from apprehend.reports.frames.formatting import file_stems, number, percent
from apprehend.reports.frames.markup import latex, markdown
from apprehend.reports.frames.style import (
    BY_NAME,
    Styles,
    figure_style,
)
from apprehend.reports.metrics.evaluation import evaluations
from apprehend.reports.page.page import SCRIPTS, TEMPLATES, render_page
from rich.console import Console

VOID = {"wbr", "meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Collects elements, ids, links and text; checks that elements close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        values = dict(attrs)
        assert not [name for name in values if name.startswith("on")]
        if "id" in values:
            self.ids.append(values["id"])
        self.links += [values[k] for k in ("href", "src", "xlink:href") if k in values]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def built(full_input, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report = build_report(
        ReportInput(**full_input), folder, replicates=50, formats=("png", "svg", "pdf")
    )
    return folder, report


def test_every_file_is_there_and_not_empty(built):
    folder, report = built
    written = {path.relative_to(folder).as_posix() for path in report.files}
    assert written == {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    for name in ("metrics", "comparisons", "flow", "missing", "conformal", "judges", "costs"):
        assert f"{name}.csv" in written
    for name in ("thresholds.csv", "positions.csv", "trends.csv", "index.html"):
        assert name in written
    for extension in ("md", "csv", "tex"):
        assert f"tables/roc_auc_by_topic.{extension}" in written
    kinds = (
        *("leaderboard", "roc_auc_heatmap", "roc_auc_by_topic", "roc_auc_by_stratum"),
        *("roc_auc_trend", "roc_curves", "pr_curves", "risk_coverage", "score_histograms"),
        *("conformal_sets", "option_positions", "correlation", "n_flow"),
    )
    for extension in ("png", "svg", "pdf"):
        for kind in kinds:
            assert f"figures/{kind}_plain-model_t.{extension}" in written
        assert f"figures/judge_labels_t.{extension}" in written
        assert f"figures/where_it_knows.{extension}" in written
    own = {name for name in written if name.startswith("figures/")}
    drawn_from = {name for name in own if name.endswith(".csv")}
    # Smaller data, such as those of the other curves, are part of the page.
    assert {name.split("_t.")[0] for name in drawn_from} >= {"figures/risk_coverage_plain-model"}
    # One model has option probabilities; one figure is of all.
    assert len(own - drawn_from) == (2 * len(kinds) - 1 + 1 + 1) * 3
    for path in report.files:
        assert path.stat().st_size > 100
        assert re.fullmatch(r"[A-Za-z0-9._-]+", path.name)


def test_metrics_csv_keeps_full_precision(built):
    folder, report = built
    read = pd.read_csv(folder / "metrics.csv", dtype={"n_topics": "Int64"})
    assert tuple(read.columns) == METRIC_COLUMNS
    np.testing.assert_array_equal(read["roc_auc"], report.metrics["roc_auc"])


def test_the_page_is_well_formed_self_contained_and_escaped(built):
    folder, _ = built
    html = (folder / "index.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    assert page.open == []
    assert page.names.count("script") == 2
    for script, name in zip(html.split("<script>")[1:], SCRIPTS, strict=True):
        own = script.split("</script>")[0]
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in html.split("script-src")[1].split(";")[0]
        assert own == (TEMPLATES / name).read_text(encoding="utf-8")
    assert "img" not in page.names
    assert "link" not in page.names
    assert len(page.ids) == len(set(page.ids))
    inside = [link for link in page.links if link.startswith("#")]
    assert all(link[1:] in page.ids for link in inside)
    files = [link for link in page.links if not link.startswith(("#", "data:text/csv;"))]
    assert all((folder / link).is_file() for link in files)
    assert {link for link in files if link.startswith("figures/")} >= {
        f"figures/{path.name}" for path in (folder / "figures").glob("*.svg")
    }
    assert not re.search(r"url\((?!#)", html)
    text = "".join(page.text)
    for shown in (
        "<script>alert(1)</script>",
        "<script>alert(3)</script> why?",
        "</pre><script>alert(4)</script>",
        "<img src=x onerror=alert(2)>",
        "<b>mine</b>",
        "<i>one</i>",
        "Entropy & <nats>.",
    ):
        assert shown in text
    assert page.names.count("svg") == len(list((folder / "figures").glob("*.svg")))
    assert "Content-Security-Policy" in html


def test_svg_files_are_deterministic_xml_without_dates(full_input, tmp_path, built):
    build_report(ReportInput(**full_input), tmp_path, replicates=50, formats=("svg",))
    for path in (tmp_path / "figures").iterdir():
        assert path.read_bytes() == (built[0] / "figures" / path.name).read_bytes()
        if path.suffix == ".svg":
            ElementTree.parse(path)
        assert b"dc:date" not in path.read_bytes()
    page = (tmp_path / "index.html").read_bytes()
    assert page == (built[0] / "index.html").read_bytes()


def test_latex_balances(built):
    source = (built[0] / "tables" / "roc_auc_by_topic.tex").read_text(encoding="utf-8")
    assert source.count(r"\begin{tabular}") == source.count(r"\end{tabular}") == 2
    bare = re.sub(r"\\[{}]", "", source)
    assert bare.count("{") == bare.count("}")


def test_latex_compiles_with_booktabs_alone(built, tmp_path):
    program = shutil.which("pdflatex") or shutil.which("tectonic")
    if program is None:
        pytest.skip("neither pdflatex nor tectonic is installed")
    source = (built[0] / "tables" / "roc_auc_by_topic.tex").read_text(encoding="utf-8")
    document = tmp_path / "table.tex"
    document.write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n"
        f"{source}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    flags = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in program else []
    done = subprocess.run(
        [program, *flags, document.name], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_latex_escapes_every_special():
    assert latex("a_b & 5% #1 $x^2$ {~} \\") == (
        r"a\_b \& 5\% \#1 \$x\textasciicircum{}2\$ \{\textasciitilde{}\} \textbackslash{}"
    )
    assert latex("é ö ł 模 [1]--\x00") == "é ö ? ? {[}1{]}{-}{-}?"
    assert latex("ﬁ ²") == "fi 2"


def test_markdown_escapes_what_would_break_a_table():
    assert markdown("a|b_c*<i>\n[x](y)") == r"a\|b\_c\*&lt;i&gt; \[x\](y)"


def test_markdown_and_csv_tables(built):
    folder, report = built
    lines = (folder / "tables" / "roc_auc_by_topic.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len({line.replace(r"\|", "").count("|") for line in rows}) == 1
    table = pd.read_csv(folder / "tables" / "roc_auc_by_topic.csv")
    assert len(table) == 2 * (2 + 3 + 3)
    pooled = report.metrics.query("topic == 'all' and estimator == 'token_entropy'")
    np.testing.assert_array_equal(table.query("topic == 'all'")["token_entropy"], pooled["roc_auc"])
    first = topic_tables(report.metrics)[0]
    assert first.rows("all") == (90, first.values["n_errors"][0].max())
    assert "n 84" in first.cell("all", "<b>mine</b>")[2]


@pytest.mark.parametrize("width", [80, 120])
def test_terminal_shows_names_as_text(built, width):
    out = StringIO()
    Console(file=out, width=width, force_terminal=False).print(*built[1].terminal())
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "token_" in text
    assert "<b>mine</b>" in text
    assert "n-flow" in text
    assert "ROC AUC of errors" in text


def test_manifests_are_headed_by_model_and_task():
    settings = {"rows": "all", "replicates": 10, "seed": 0}
    engine = {"engine": "hf", "arguments": {"pretrained": "x"}}
    manifests = [
        {"model_folder": "org__m", "task_folder": "direct", "model": engine, "task": {"name": "d"}},
        {"model": {"name": "mine"}, "task": {"name": "t"}},
        {"note": "no names"},
    ]
    html = render_page([], manifests, [], settings)
    titles = re.findall(r"<details><summary>(.*?)</summary>", html)
    assert titles == ["org__m on direct", "mine on t", "run"]


def test_rich_markup_in_names_is_text(make_scores, tmp_path):
    scores = make_scores(estimators=("[bold]x[/bold]",), model="[red]m[/red]")
    report = build_report(ReportInput(scores), tmp_path, replicates=5, formats=())
    out = StringIO()
    Console(file=out, width=120).print(*report.terminal())
    assert "[bold]x[/bold]" in out.getvalue()
    assert "[red]m[/red]" in out.getvalue()


def test_one_class_and_unscored_estimators_still_make_a_report(make_scores, tmp_path):
    scores = make_scores(30).assign(correct=True)
    scores.loc[scores["estimator"] == "max_probability", "score"] = np.nan
    report = build_report(ReportInput(scores), tmp_path, replicates=5)
    assert "one class only" in report.summary[0]
    assert (tmp_path / "index.html").stat().st_size > 1000
    assert "0.500" not in (tmp_path / "tables" / "roc_auc_by_topic.md").read_text()


def test_paper_filter_that_leaves_nothing(make_scores, tmp_path):
    scores = make_scores(30).assign(status="unparsed", answer=None)
    report = build_report(ReportInput(scores), tmp_path, rows="paper", replicates=5)
    assert report.metrics["n"].eq(0).all()


def test_names_that_differ_in_unsafe_characters_get_different_files():
    stems = file_stems(["a/b", "a-b", "A-B", "../..", "", "模"])
    assert stems == {
        "a/b": "a-b",
        "a-b": "a-b-2",
        "A-B": "A-B-3",
        "../..": "unnamed",
        "": "unnamed-2",
        "模": "unnamed-3",
    }


def test_an_unknown_format_is_refused(make_scores, tmp_path):
    with pytest.raises(ValueError, match="png, svg, pdf"):
        build_report(ReportInput(make_scores()), tmp_path, formats=("bmp",))


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "a.txt", "old")
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_system_without_locks_can_be_written(tmp_path, monkeypatch):
    """Nothing says then that somebody is writing, so leftovers stay."""

    def refused(*_):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    assert write_atomically(tmp_path / "a.txt", "new").read_text() == "new"
    (tmp_path / ".tmp-half").touch()
    clear_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tmp-half", "a.txt"]


def test_colors_are_declared_or_follow_from_the_name():
    styles = Styles({name: cls.look for name, cls in builtin_estimators().items()})
    assert styles.of("token_entropy") == ("#0072B2", "-")
    assert styles.of("random")[0] != styles.of("token_entropy")[0]
    assert styles.of("my own") == BY_NAME.of("my own") == Styles({"my own": ("", "")}).of("my own")
    assert Styles({"my own": ("pink", "-")}).of("my own") == BY_NAME.of("my own")
    declared = [cls.look for cls in builtin_estimators().values() if cls.look != ("", "")]
    assert len(declared) == len(set(declared)) == 15
    assert len(set(map(styles.of, builtin_estimators()))) >= 15


def test_no_two_lines_of_a_figure_look_alike():
    alike = ("verbalized_confidence", "platt")
    assert BY_NAME.of(alike[0]) == BY_NAME.of(alike[1])
    styles = Styles({"token_entropy": ("blue", "-"), "max_probability": ("green", "-")})
    lines = styles.lines((*alike, "token_entropy", "max_probability", "tsallis_entropy"))
    assert len(set(lines.values())) == len(lines) == 5
    assert lines["token_entropy"] == styles.of("token_entropy")
    assert {lines[name][0] for name in alike} == {BY_NAME.of("platt")[0]}


def test_entropies_have_bins_of_a_tenth_and_lose_no_row(make_scores):
    edges = bin_edges("token_entropy", np.array([0.0, 0.55, 2.21]))
    np.testing.assert_allclose(np.diff(edges), 0.1)
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(2.3)
    small = bin_edges("post_answer_entropy", np.array([0.0, 0.001, 0.0312]))
    np.testing.assert_allclose(small, np.linspace(0, 0.05, 21))
    for values in ([0.25, 0.5, 0.75], [3.0], [-5.0, 2.0], list(np.linspace(-9, 900, 99)), []):
        edges = bin_edges("other", np.array(values))
        assert (np.diff(edges) > 0).all()
    evaluation = evaluations(ReportInput(make_scores()))[0]
    for histogram in compute_histograms(evaluation):
        assert histogram.correct.sum() + histogram.errors.sum() == 120


def test_figures_ignore_the_users_own_settings(make_scores, tmp_path):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "text.usetex": True}), figure_style():
        assert mpl.rcParams["text.usetex"] is False
        assert mpl.rcParams["font.size"] == 9


def test_shown_numbers():
    assert number(float("nan")) == "–"
    assert number(0.49951) == "0.500"
    assert percent(0.9999) == "> 99.9 %"
    assert percent(1.0) == "100.0 %"


def test_importing_reports_needs_neither_torch_nor_lm_eval():
    import sys

    code = "import sys, apprehend.reports; print({'torch', 'lm_eval'} & set(sys.modules))"
    with warnings.catch_warnings():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"


def test_png_is_a_picture(built):
    from PIL import Image

    for path in (built[0] / "figures").glob("*.png"):
        with Image.open(BytesIO(path.read_bytes())) as picture:
            assert min(picture.size) > 200
            assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 10
