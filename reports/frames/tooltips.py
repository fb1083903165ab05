"""Tooltips of figures: texts that are attached to artists, and become titles in the SVG file.

matplotlib writes an artist's gid as the id of its SVG element. The texts travel in it, also to the
processes that render figures, and `titled` replaces them by `<title>` elements, which browsers
show when the pointer rests on the element.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from matplotlib.artist import Artist

_PREFIX, _SEPARATOR = "tip:", "\x1f"
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_CODED = re.compile(r"_([0-9a-f]+)_")


def add_tip(artist: Artist, *texts: str) -> None:
    """Attach a tooltip to an artist, or one to each point of a line of markers, in order."""
    artist.set_gid(_PREFIX + _coded(_SEPARATOR.join(texts)))


def _coded(text: str) -> str:
    """Code a text in letters and digits, so that it is an id in XML whatever it contains."""
    return "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in text)


def _decoded(code: str) -> str:
    return _CODED.sub(lambda found: chr(int(found[1], 16)), code)


def titled(svg: bytes) -> bytes:
    """Replace the texts that `add_tip` attached by `<title>` elements; the rest stays as it is."""
    if f'id="{_PREFIX}'.encode() not in svg:
        return svg
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(svg)
    for element in list(root.iter()):
        if element.get("id", "").startswith(_PREFIX):
            texts = _decoded(element.attrib.pop("id")[len(_PREFIX) :]).split(_SEPARATOR)
            _place(element, texts)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _place(element: ElementTree.Element, texts: Sequence[str]) -> None:
    """Title an element, or each of its points where there are as many texts."""
    points = list(element.iter(f"{{{_SVG}}}use"))
    several = len(texts) > 1 and len(points) == len(texts)
    for place, text in (
        zip(points, texts, strict=True) if several else [(element, "; ".join(texts))]
    ):
        title = ElementTree.Element(f"{{{_SVG}}}title")
        title.text = text
        place.insert(0, title)
