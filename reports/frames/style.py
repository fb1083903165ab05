"""Look of the figures: one style file, one color and line per estimator, files on disk."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
STYLE_FILE = Path(__file__).with_name("apprehend.mplstyle")
FORMATS = ("png", "svg", "pdf")

# Okabe and Ito (2008), distinguishable under all common color-vision deficiencies.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
GRAY = "#8A8A8A"
CORRECT_COLOR, ERROR_COLOR = BLUE, VERMILION
_PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
_DASHES = ("-", "--", ":", "-.")
_COLORS = {
    **{"blue": BLUE, "vermilion": VERMILION, "green": GREEN, "purple": PURPLE},
    **{"orange": ORANGE, "sky": SKY, "gray": GRAY},
}


class Styles:
    """Color (hex) and line of each estimator, the same in every figure and every run.

    Args:
        looks: Estimator's name → name of a color and line, as `EstimatorTraits.look` says them.
            Both follow from the name where they are empty or not known.
    """

    def __init__(self, looks: Mapping[str, tuple[str, str]] = MappingProxyType({})) -> None:
        self._declared = {
            name: (_COLORS[color], line)
            for name, (color, line) in looks.items()
            if color in _COLORS and line in _DASHES
        }

    def of(self, name: str) -> tuple[str, str]:
        """Color and line of one estimator, or of anything else with a name."""
        if name in self._declared:
            return self._declared[name]
        code = zlib.crc32(name.encode("utf-8", "surrogatepass"))
        return _PALETTE[code % len(_PALETTE)], _DASHES[code // len(_PALETTE) % len(_DASHES)]

    def lines(self, names: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Styles of the lines of one figure: where two would look alike, one gets another dash."""
        styles: dict[str, tuple[str, str]] = {}
        for name in sorted(names, key=lambda name: name not in self._declared):
            color, dashes = self.of(name)
            used = {line for other, line in styles.values() if other == color}
            free = [line for line in (dashes, *_DASHES) if line not in used]
            styles[name] = (color, free[0] if free else dashes)
        return styles


BY_NAME = Styles()
"""Styles that follow from the names alone."""


@contextmanager
def figure_style() -> Iterator[None]:
    """The style file's settings, over matplotlib's defaults and not the user's own."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        mpl.rcdefaults()
        mpl.rc_file(STYLE_FILE, use_default_template=False)
        yield


def render(figure: Figure, extension: str) -> bytes:
    """The figure as a file's bytes, the same bytes for the same figure (no dates)."""
    by_format: dict[str, dict[str, None]] = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    buffer = BytesIO()
    figure.savefig(buffer, format=extension, metadata=by_format[extension])
    return buffer.getvalue()


def draw_few(ax: Axes, x: _Floats, y: _Floats, low: _Floats, marker: str = "o") -> None:
    """Cover the points (n,) without an interval (`low` is NaN): hollow, gray, too few answers."""
    few = np.isnan(low)
    ax.plot(x[few], y[few], marker, color=GRAY, markerfacecolor="#ffffff", markersize=4, zorder=3)
