"""Rendering of the self-contained HTML page with inline SVG, which works offline."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..cards.cards import Card
from ..frames.blocks import Block, PageFigure
from ..frames.formatting import plain
from ..frames.glossary import GLOSSARY, ROWS_MEANING
from ..metrics.leaders import LEADER_TERM
from ..metrics.metric_registry import metric_terms

TEMPLATES = Path(__file__).with_name("templates")
_NOTHING: Mapping[str, Any] = {
    "title": "",
    "summary": (),
    "links": (),
    "first": "",
    "data": (),
    "style": "",
    "cards": (),
    "cards_note": "",
    "lead": None,
    "root": "",
    "additions": (),
}
SCRIPTS = ("page.js", "navigation.js")
INK, PAPER = "#222222", "#ffffff"
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class PageSection:
    """Section of the page.

    Attributes:
        title: heading of the section.
        blocks: content of the section.
        summary: paragraph at its top, empty for none.
        of: model and task of the section, None if it is about several.
        card: card for the top of the page, None for none.
        content: markup after the blocks, for what is neither a table nor a figure; a script that it
            needs is given to `render_page`.
    """

    title: str
    blocks: Sequence[Block]
    summary: str = ""
    of: tuple[str, str] | None = None
    card: Card | None = None
    content: Markup = Markup("")


def inline_svg(svg: bytes, prefix: str, label: str) -> Markup:
    """Convert an SVG file to an element for inclusion in HTML.

    Ids are prefixed, so that they are unique on the page. Black becomes the text color of the page
    and the white background transparent, to support dark mode.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(svg)
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    width = root.attrib.pop("width", "720pt").removesuffix("pt")
    root.attrib.pop("height", None)
    root.set("style", f"max-width: {round(float(width) * 4 / 3)}px")
    root.set("role", "img")
    root.set("aria-label", plain(label))
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "id":
                element.set(name, prefix + value)
            elif name == f"{{{_XLINK}}}href" and value.startswith("#"):
                element.set(name, "#" + prefix + value[1:])
            elif name != "aria-label":
                changed = value.replace("url(#", f"url(#{prefix}")
                changed = changed.replace(f"fill: {PAPER}", "fill: none")
                element.set(name, changed.replace(INK, "currentColor"))
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def data_address(figure: PageFigure, root: str) -> str:
    """Return the address of a figure's data: in the page itself or beside it; empty for none."""
    if figure.table:
        return "data:text/csv;charset=utf-8," + quote(figure.table)
    return root + figure.data if figure.data else ""


def heat(value: float) -> Markup:
    """Return the style of a cell by its ROC AUC: blue above chance, vermilion below."""
    if math.isnan(value):
        return Markup("")
    strength = min(60, round(abs(value - 0.5) * 160))
    return Markup(f"--heat: var(--{'above' if value >= 0.5 else 'below'}); --share: {strength}%")


def breakable(name: str) -> Markup:
    """Escape a name and allow line breaks after underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def script_hash(script: str) -> str:
    """Return the hash by which a Content-Security-Policy allows this script."""
    digest = hashlib.sha256(script.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def render_page(
    sections: Sequence[PageSection],
    manifests: Sequence[Mapping[str, Any]],
    estimators: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> str:
    """Render the page as HTML; all external text is escaped.

    `estimators` are pairs of name and summary. `settings` contains rows, replicates and seed, and
    optionally title, summary (sentences), links (pairs of address and title), metrics (the
    additional ones, for the glossary), root (path from the page to the report's folder), cards
    (pairs of card and address), cards_note and lead (`PageFigure`) for the first screen, and for
    what else a page shows before its sections: first and data (markup), style (CSS) and scripts
    (JavaScript); and additions (`PageAddition`).
    """
    own = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    scripts = [*own, *settings.get("scripts", ())]
    scripts += [addition.script for addition in settings.get("additions", ())]
    return (
        environment_of(TEMPLATES)
        .get_template("index.html.j2")
        .render(
            sections=sections,
            manifests=[(_manifest_title(manifest), _json(manifest)) for manifest in manifests],
            estimators=estimators,
            glossary=[*GLOSSARY, LEADER_TERM, *metric_terms(settings.get("metrics", ()))],
            rows_meaning=ROWS_MEANING[settings["rows"]],
            settings={**_NOTHING, **settings},
            scripts=[Markup(script) for script in scripts],
        )
    )


@cache
def environment_of(folder: Path) -> Environment:
    """Return the environment of a folder's templates: all text is escaped, no name is undefined."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(plain=plain, heat=heat, breakable=breakable, script_hash=script_hash)
    environment.globals.update(inline_svg=inline_svg, data_address=data_address)
    return environment


def _manifest_title(manifest: Mapping[str, Any]) -> str:
    """Title a manifest `model on task`, by their folders or their names in the manifest."""
    known = [manifest.get(f"{key}_folder", manifest.get(key)) for key in ("model", "task")]
    names = [entry.get("name") if isinstance(entry, Mapping) else entry for entry in known]
    return " on ".join(str(name) for name in names if name) or "run"


def _json(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, indent=2, ensure_ascii=False, default=str)
