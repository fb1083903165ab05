"""Build the documentation: lay out its sources, run the demo for its pictures, call Sphinx.

    PYTHONPATH=.venv/docs .venv/bin/python docs/make_site.py

`make docs` does this. Nothing needs a network. Sources are laid out in build/docs/source: the pages
of docs/, those of the repository's top folder, what follows from declarations
(docs/reference_pages.py), the notebook with its outputs, and the plots of a report of the demo.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from check_links import broken_links
from notebook_page import notebook_page
from public_names import api_pages
from reference_pages import pages

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
BUILD = ROOT / "build" / "docs"
SOURCE, HTML, DEMO = BUILD / "source", BUILD / "html", BUILD / "demo"
FOLDERS = ("benchmark", "estimators", "interface", "reports", "tasks")
TOP_PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages of the top folder → their place in the site."""
NOTEBOOK = "from_model_to_figure"
PICTURES = "report"
"""Folder of the report's plots below the sources."""


def lay_out() -> None:
    """Write all sources of the site."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(DOCS, SOURCE, ignore=shutil.ignore_patterns("__pycache__", "*.sh"))
    for path in SOURCE.rglob("*.md"):
        depth = len(path.relative_to(SOURCE).parts) - 1
        path.write_text(relocated(path.read_text(encoding="utf-8"), depth), encoding="utf-8")
    for name, place in TOP_PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        (SOURCE / place).write_text(text.replace("](docs/", "]("), encoding="utf-8")
    for place, text in {**pages(), **api_pages()}.items():
        (SOURCE / place).parent.mkdir(parents=True, exist_ok=True)
        (SOURCE / place).write_text(text, encoding="utf-8")


def relocated(text: str, depth: int) -> str:
    """Return a page with its links to the top folder's pages as they are in the site.

    Args:
        text: Markdown of a page of docs/.
        depth: Number of folders that the page is in.
    """
    up = "../" * depth
    for name, place in TOP_PAGES.items():
        outside = rf"\]\((?:\.\./){{{depth + 1}}}{re.escape(name)}(?=[)#])"
        text = re.sub(outside, f"]({up}{place}", text)
    return text.replace(f"{NOTEBOOK}.ipynb)", f"{NOTEBOOK}.md)")


def run_demo() -> None:
    """Run the demo for the gallery and the report's plots, unless the same sources have run it."""
    digest = hashlib.sha256()
    for path in sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*") if p.is_file()):
        if "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    stamp = DEMO / ".sources"
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == digest.hexdigest()):
        shutil.rmtree(DEMO, ignore_errors=True)
        command = [sys.executable, "-m", "apprehend.benchmark", "demo", "--output_path", str(DEMO)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        stamp.write_text(digest.hexdigest(), encoding="utf-8")


def place_pictures() -> None:
    """Copy the plots that docs/reading_a_report.md shows, each by its key, and link the results."""
    text = (DOCS / "reading_a_report.md").read_text(encoding="utf-8")
    folder = SOURCE / PICTURES
    folder.mkdir()
    for name in re.findall(rf"\]\({PICTURES}/([^)]+)\)", text):
        shutil.copyfile(DEMO / "report" / "figures" / name, folder / name)
    (SOURCE / "gallery" / "demo").symlink_to(DEMO)


def sphinx(builder: str, target: Path) -> int:
    """Call Sphinx: warnings are errors, reported all."""
    words = [
        *("-b", builder, "-W", "--keep-going", "-q", "-d", str(BUILD / "doctrees")),
        *(str(SOURCE), str(target)),
    ]
    return subprocess.run([sys.executable, "-m", "sphinx", *words], check=False).returncode


def main() -> None:
    """Build the site; exit with 1 if anything warns, or a link leads nowhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--links", action="store_true", help="look up the external links (online)")
    given = parser.parse_args()
    # Steps are short, and threads of one library would only wait for those of another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_demo()
    lay_out()
    place_pictures()
    notebook = notebook_page(DOCS / f"{NOTEBOOK}.ipynb", SOURCE / "notebook")
    notebook += f"\n{{download}}`Download this notebook <{NOTEBOOK}.ipynb>`\n"
    (SOURCE / f"{NOTEBOOK}.md").write_text(notebook, encoding="utf-8")
    if given.links:
        sys.exit(sphinx("linkcheck", BUILD / "links"))
    shutil.rmtree(HTML, ignore_errors=True)
    failed = sphinx("html", HTML)
    broken = broken_links(HTML)
    for line in broken:
        sys.stderr.write(f"broken link: {line}\n")
    if failed or broken:
        sys.exit(1)
    sys.stderr.write(f"{HTML / 'index.html'}\n")


if __name__ == "__main__":
    main()
