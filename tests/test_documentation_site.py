"""The documentation: every page is reached, every declared thing is described, code on it runs.

`make docs` builds the site, runs the gallery and checks links; here is what needs no Sphinx.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from apprehend.benchmark.importers.importer import importers
from apprehend.estimators import TABLES, builtin_estimators, load_estimator
from apprehend.estimators.checks.conformance import check_estimator
from apprehend.reports import benchmark_analyses, builtin_metrics
from apprehend.reports.page.placed_figures import task_figures
from helpers import ROOT, in_process

sys.path.insert(0, str(ROOT / "docs"))
from check_links import broken_links
from make_site import TOP_PAGES, relocated
from public_names import PACKAGES, api_pages, public_names
from reference_cli import commands, option_rows
from reference_pages import anchor, pages, parameter_meanings, stated_range
from reference_text import escaped, linked

DOCS = ROOT / "docs"
GALLERY = sorted((DOCS / "gallery").glob("plot_*.py"))
MADE = pages()


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def reached() -> set[str]:
    """Pages that a table of contents lists, below the front page."""
    sources = {str(path.relative_to(DOCS)): path.read_text("utf-8") for path in DOCS.rglob("*.md")}
    sources |= {**MADE, **api_pages()}
    found, waiting = set(), ["index.md"]
    while waiting:
        page = waiting.pop()
        if page in found or page not in sources:
            continue
        found.add(page)
        for block in re.findall(r"```\{toctree\}\n(.*?)```", sources[page], re.DOTALL):
            for entry in filter(None, re.sub(r"^:.*$", "", block, flags=re.M).split()):
                folder = Path(page).parent
                for suffix in (".md", ".rst"):
                    if "*" in entry:
                        waiting += [str(p.relative_to(DOCS)) for p in DOCS.glob(entry + suffix)]
                    waiting.append(str(folder / entry) + suffix)
    return found


def test_every_page_is_in_a_table_of_contents() -> None:
    written = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"index.md"}
    assert not (written | set(MADE) | set(api_pages())) - reached() - set(TOP_PAGES.values())
    assert all(Path(place).stem in read("background.md") for place in TOP_PAGES.values())


def test_every_public_name_has_a_page() -> None:
    """Or, for a constant, a line on its package's; what two packages offer has one page."""
    for package in PACKAGES:
        text = api_pages()[f"reference/api/{package}.rst"]
        names = public_names(package)
        assert names
        for name in names:
            page, constant = rf"^   {name}$", rf"py:data:: {package}\.{name}$"
            elsewhere = rf"^\* `{name}`: :py:obj:`apprehend[.\w]*\.{name}`$"
            assert re.search(f"{page}|{constant}|{elsewhere}", text, re.MULTILINE), name


def test_every_estimator_is_described_in_full() -> None:
    families = {name: text for name, text in MADE.items() if name.startswith("reference/estim")}
    index = families.pop("reference/estimators/index.md")
    text = "\n".join(families.values())
    for name, cls in builtin_estimators().items():
        assert f"({anchor('estimator', name)})=" in text, name
        assert f"](#{anchor('estimator', name)})" in index, name
        assert stated_range(cls) or "(-∞, ∞)" in (cls.__doc__ or ""), f"{name}: states no range"
        assert linked(cls.reference) in text
        for parameter, meaning in parameter_meanings(cls).items():
            assert meaning, f"{name}: no docstring says what {parameter} is"


def test_every_declared_thing_is_described() -> None:
    kinds = {
        "metric": ("reference/metrics.md", builtin_metrics()),
        "signal": ("reference/signals.md", [signal.value for signal in TABLES]),
        "importer": ("reference/importers.md", importers()),
        "analysis": ("reference/analyses.md", benchmark_analyses()),
    }
    for kind, (page, names) in kinds.items():
        for name in names:
            assert f"({anchor(kind, name)})=" in MADE[page], name
    for table in TABLES.values():
        for column in table.kinds():
            row = re.search(rf"^\| `{column}` \| (.*) \|$", MADE["reference/signals.md"], re.M)
            assert row is not None
            assert row[1].strip(), column


def test_every_command_is_described_with_every_option() -> None:
    text = "\n".join(page for name, page in MADE.items() if name.startswith("reference/cli/"))
    for words, command in commands():
        assert f"(command-{words.replace(' ', '-')})=" in text, words
        for typed, meaning in option_rows(command):
            assert f"| {typed} | {meaning} |" in text, f"{words}: {typed}"
            assert re.sub("Required.|Default: `.*`.", "", meaning).strip(), f"{words}: {typed}"


def test_every_plot_of_a_report_is_explained() -> None:
    page = read("reading_a_report.md")
    shown = re.findall(r"\]\(report/(\w+)\.png\)", page)
    for figure in task_figures():
        assert f"{figure.key}_embedded_mmlu_pro_direct" in shown, figure.key
    assert len(re.findall(r"\*Shows\*", page)) == len(shown)
    assert len(re.findall(r"\*Means nothing\*", page)) == len(shown)


def test_there_are_ten_examples_with_a_title_and_a_plot() -> None:
    assert len(GALLERY) >= 10
    for path in GALLERY:
        title, line, *_ = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")
        assert set(line) == {"="}, path.name
        assert len(line) == len(title), path.name


@pytest.mark.slow
@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_examples_that_need_no_results_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    code = path.read_text(encoding="utf-8")
    if 'ap.open("demo")' in code:
        pytest.skip("opens the demo's results, which `make docs` makes")
    monkeypatch.chdir(path.parent)
    with mpl.rc_context({"backend": "agg"}):
        exec(compile(code, str(path), "exec"), {"__name__": "example"})
        assert mpl.pyplot.get_fignums()
        mpl.pyplot.close("all")


@pytest.mark.parametrize("name", ["PowerGini", "TopicShift", "gini"])
def test_estimators_of_the_documentation_conform(tmp_path: Path, name: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", read("extend/estimator.md"), re.DOTALL)
    (code,) = [block for block in blocks if re.search(rf"(class|def) {name}\b", block)]
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    outcomes = check_estimator(load_estimator(f"{tmp_path / 'mine.py'}:{name}"))
    assert not [outcome for outcome in outcomes if outcome.status == "failed"]


@pytest.mark.slow
def test_the_importer_of_the_documentation_works(tmp_path: Path) -> None:
    page = read("extend/importer.md")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (line,) = re.findall(r"`(\{\"qid\".*?\})`", page)
    (tmp_path / "quizlog.py").write_text(code, encoding="utf-8")
    rows = [line, line.replace(": 7", ": 8").replace('"B"', '"C"'), line.replace(": 7", ": 9")]
    (tmp_path / "sample.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (block,) = re.findall(r"```\n(apprehend check.*?)```", page, re.DOTALL)
    for command in block.strip().splitlines():
        done = in_process(command.split()[1:], tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert (tmp_path / "report" / "index.html").exists() or (tmp_path / "results").exists()


def test_pages_link_to_the_top_folder_as_the_site_has_it() -> None:
    assert (
        relocated("[x](../SECURITY.md#a) [y](../LICENSE)", 0)
        == "[x](security.md#a) [y](../LICENSE)"
    )
    assert relocated("[x](../../CHANGELOG.md)", 1) == "[x](../changelog.md)"


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"><a href="b.html#y">b</a> <a href="#x">x</a>', "utf-8"
    )
    (tmp_path / "b.html").write_text('<a href="https://example.org/x">w</a> <a href="c.html">c</a>',
                                     "utf-8")  # fmt: skip
    assert broken_links(tmp_path) == ["a.html: b.html#y", "b.html: c.html"]


def test_markup_in_declarations_is_text() -> None:
    assert escaped("a_b <i> [x](y) `c_d` |") == r"a\_b \<i\> \[x\](y) `c_d` \|"
    assert (
        linked("arXiv 2303.08112; x") == "[arXiv 2303.08112](https://arxiv.org/abs/2303.08112); x"
    )
    assert linked("X 1, doi 10.1/a.b") == "X 1, doi 10.1/a.b"
    assert "(https://doi.org/10.1007/BF01016429)" in linked("T 1988, doi 10.1007/BF01016429")
