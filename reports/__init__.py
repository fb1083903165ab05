"""Reports: from scores to metrics, intervals, tables, figures and a page; data frames in.

Everywhere an error is the positive class and a higher score means more uncertain. The names are
those of `public`, which is imported when the first of them is asked for: the ground of this folder
is used by programs that draw nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .public import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        public = import_module(".public", __name__)
        if name == "__all__" or name in public.__all__:
            return getattr(public, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
