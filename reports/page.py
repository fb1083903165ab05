"""The self-contained page: one HTML file with inline SVG that opens offline."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .formatting import count, interval, number, percent, plain
from .glossary import GLOSSARY, ROWS_MEANING
from .summary import ConfidentError
from .tables import TopicTable

TEMPLATES = Path(__file__).with_name("templates")
INK, PAPER = "#222222", "#ffffff"
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class PageFigure:
    """A figure for the page: its title, how to read it, and the SVG file's bytes."""

    title: str
    caption: str
    svg: bytes


@dataclass(frozen=True)
class PageSection:
    """What the page shows of one model on one task."""

    model: str
    task: str
    summary: str
    table: TopicTable
    metrics: pd.DataFrame
    flow: pd.DataFrame
    missing: pd.DataFrame
    figures: Sequence[PageFigure]
    best: str | None
    confident_errors: Sequence[ConfidentError]

    @property
    def pooled(self) -> list[dict[str, Any]]:
        """Rows of the pooled metrics with the macro AUC, highest AUC first."""
        macro = self.metrics[self.metrics["topic"] == "macro"].set_index("estimator")["roc_auc"]
        pooled = self.metrics[self.metrics["topic"] == "all"]
        pooled = pooled.assign(macro=pooled["estimator"].map(macro))
        ranked = pooled.sort_values("roc_auc", ascending=False, kind="stable")
        return [{str(k): v for k, v in row.items()} for row in ranked.to_dict("records")]


def inline_svg(svg: bytes, prefix: str, label: str) -> Markup:
    """An SVG file as an element for HTML.

    Ids get `prefix`, so that several figures share a page; ink becomes the page's own colour and
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


def shortened(text: str, limit: int = 600) -> str:
    """The text, cut at a word's end where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0] + " …"


def render_page(
    sections: Sequence[PageSection],
    manifests: Sequence[Mapping[str, Any]],
    descriptions: Mapping[str, str],
    settings: Mapping[str, Any],
) -> str:
    """The page as HTML text; everything from outside is escaped.

    `settings` holds rows, replicates and seed of the metrics.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        count=count,
        percent=percent,
        plain=plain,
        heat=heat,
        shortened=shortened,
        breakable=breakable,
    )
    environment.globals.update(interval=interval, inline_svg=inline_svg)
    names = dict.fromkeys(name for section in sections for name in section.table.estimators)
    return environment.get_template("index.html.j2").render(
        sections=sections,
        manifests=[(_manifest_title(one), _json(one)) for one in manifests],
        estimators=[(name, descriptions.get(name, "")) for name in names],
        glossary=GLOSSARY,
        rows_meaning=ROWS_MEANING[settings["rows"]],
        settings=settings,
    )


def _manifest_title(manifest: Mapping[str, Any]) -> str:
    parts = [str(manifest[key]) for key in ("model", "task") if key in manifest]
    return " on ".join(parts) or "run"


def _json(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, indent=2, ensure_ascii=False, default=str)
