"""Reports: metrics, confidence intervals, tests, tables, figures and a page from data frames.

Errors are the positive class, and higher scores mean more uncertain. The public names are those of
`public`, which is imported lazily on first access, since the lower layers of this folder are also
used by programs that draw nothing.
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
