"""Check the links inside a folder of HTML files, without a network."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name in ("id", "name"):
                self.anchors.add(value)
            elif name in ("href", "src"):
                self.links.append(value)
            elif name == "srcset":
                self.links += [part.split()[0] for part in value.split(",") if part.split()]


@cache
def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def broken_links(folder: Path) -> list[str]:
    """Return a line per link inside the folder that leads to no file, or to no anchor in it.

    Args:
        folder: Folder of HTML files.

    Returns:
        Lines ``page: link``, sorted; empty if every link leads somewhere.
    """
    found = set()
    pages = (p for p in folder.rglob("*.html") if "_static" not in p.relative_to(folder).parts)
    for path in pages:
        for link in _read(path).links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            target = target / "index.html" if target.is_dir() else target
            known = target.is_file()
            if known and parts.fragment and target.suffix == ".html":
                known = unquote(parts.fragment) in _read(target).anchors
            if not known:
                found.add(f"{path.relative_to(folder)}: {link}")
    return sorted(found)
