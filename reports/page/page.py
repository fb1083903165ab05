"""The self-contained page: one HTML file with inline SVG that opens offline."""

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
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..frames.blocks import Block
from ..frames.formatting import plain
from ..frames.glossary import GLOSSARY, ROWS_MEANING
from ..metrics.metric_registry import metric_terms

TEMPLATES = Path(__file__).with_name("templates")
INK, PAPER = "#222222", "#ffffff"
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class PageSection:
    """A part of the page under one heading.

    Attributes:
        title: its heading.
        blocks: what stands in it.
        summary: a paragraph for the page's top, empty for none.
        of: model and task that it is about, None where it is about several.
    """

    title: str
    blocks: Sequence[Block]
    summary: str = ""
    of: tuple[str, str] | None = None


def inline_svg(svg: bytes, prefix: str, label: str) -> Markup:
    """An SVG file as an element for HTML.

    Ids get `prefix`, so that several figures share a page; ink becomes the page's own color and
    the white ground transparent, so that it reads in dark mode.
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


def heat(value: float) -> Markup:
    """Style of a table cell: blue above chance, vermilion below, stronger further away."""
    if math.isnan(value):
        return Markup("")
    strength = min(60, round(abs(value - 0.5) * 160))
    return Markup(f"--heat: var(--{'above' if value >= 0.5 else 'below'}); --share: {strength}%")


def breakable(name: str) -> Markup:
    """The name, escaped, with a chance to break the line after each underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def script_hash(script: str) -> str:
    """The source expression that lets a Content-Security-Policy run this very script."""
    digest = hashlib.sha256(script.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def render_page(
    sections: Sequence[PageSection],
    manifests: Sequence[Mapping[str, Any]],
    estimators: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> str:
    """The page as HTML text; everything from outside is escaped.

    `estimators` are names with a line on each; `settings` holds rows, replicates and seed,
    and may hold another title, sentences of summary, links to other pages (pairs of address and
    title), and metrics beside the built-in ones.
    """
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("index.html.j2")
        .render(
            sections=sections,
            manifests=[(_manifest_title(one), _json(one)) for one in manifests],
            estimators=estimators,
            glossary=[*GLOSSARY, *metric_terms(settings.get("metrics", ()))],
            rows_meaning=ROWS_MEANING[settings["rows"]],
            settings={"title": "", "summary": (), "links": (), **settings},
            script=Markup(script),
            script_hash=script_hash(script),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(plain=plain, heat=heat, breakable=breakable)
    environment.globals.update(inline_svg=inline_svg)
    return environment


def _manifest_title(manifest: Mapping[str, Any]) -> str:
    """`model on task`, by the folders that hold them or by their names in the manifest."""
    known = [manifest.get(f"{key}_folder", manifest.get(key)) for key in ("model", "task")]
    names = [one.get("name") if isinstance(one, Mapping) else one for one in known]
    return " on ".join(str(name) for name in names if name) or "run"


def _json(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, indent=2, ensure_ascii=False, default=str)
