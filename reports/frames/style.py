"""Style of the figures: style file, color and line of each estimator, rendering."""

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

from .tooltips import titled

_Floats = NDArray[np.float64]
STYLE_FILE = Path(__file__).with_name("apprehend.mplstyle")
FORMATS = ("png", "svg", "pdf")
"""Formats in which figures can be written."""

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
    """Color (hex) and line style of each estimator, the same in every figure and every run.

    Args:
        looks: Estimator → name of a color and line style, as declared by `EstimatorTraits.look`.
            Both are derived from the estimator's name where they are empty or unknown.
    """

    def __init__(self, looks: Mapping[str, tuple[str, str]] = MappingProxyType({})) -> None:
        self._declared = {
            name: (_COLORS[color], line)
            for name, (color, line) in looks.items()
            if color in _COLORS and line in _DASHES
        }

    def of(self, name: str) -> tuple[str, str]:
        """Return color and line style of an estimator, or of any other named curve."""
        if name in self._declared:
            return self._declared[name]
        code = zlib.crc32(name.encode("utf-8", "surrogatepass"))
        return _PALETTE[code % len(_PALETTE)], _DASHES[code // len(_PALETTE) % len(_DASHES)]

    def lines(self, names: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Assign styles to the lines of one figure; equal styles get different dashes."""
        styles: dict[str, tuple[str, str]] = {}
        for name in sorted(names, key=lambda name: name not in self._declared):
            color, dashes = self.of(name)
            used = {line for other, line in styles.values() if other == color}
            free = [line for line in (dashes, *_DASHES) if line not in used]
            styles[name] = (color, free[0] if free else dashes)
        return styles


BY_NAME = Styles()
"""Styles derived from the names alone."""


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply the style of the package on top of matplotlib's defaults within a ``with`` block.

    The user's own matplotlibrc has no effect, so that figures are reproducible.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        mpl.rcdefaults()
        mpl.rc_file(STYLE_FILE, use_default_template=False)
        yield


def render(figure: Figure, extension: str) -> bytes:
    """Render a figure to the bytes of a file, reproducibly (without dates)."""
    by_format: dict[str, dict[str, None]] = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    buffer = BytesIO()
    figure.savefig(buffer, format=extension, metadata=by_format[extension])
    return titled(buffer.getvalue()) if extension == "svg" else buffer.getvalue()


def draw_few(ax: Axes, x: _Floats, y: _Floats, low: _Floats, marker: str = "o") -> None:
    """Redraw points (n,) from too few answers for an interval (`low` is NaN): hollow and gray."""
    few = np.isnan(low)
    ax.plot(x[few], y[few], marker, color=GRAY, markerfacecolor="#ffffff", markersize=4, zorder=3)
