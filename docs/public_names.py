"""The pages of the public names: an index per package, from which autosummary makes the rest."""

from __future__ import annotations

import importlib

PACKAGES = {
    "apprehend": "What `import apprehend as ap` offers: runs, scores, metrics and plots.",
    "apprehend.estimators": "Estimators, their registry, and the signals that they read.",
    "apprehend.reports": "Metrics, intervals, tests, analyses and pages, from data frames.",
    "apprehend.tasks": "Topics and labels of the questions.",
    "apprehend.benchmark": "What an importer in a file of your own needs.",
}
LEFT_OUT = frozenset({"__version__"})
"""Public names that are described on the page of their package."""


def public_names(package: str) -> list[str]:
    """Return the names in a package's ``__all__``."""
    return sorted(importlib.import_module(package).__all__, key=str.lower)


def api_pages() -> dict[str, str]:
    """Return path → text of the index of each package."""
    made: dict[str, str] = {}
    for package, meaning in PACKAGES.items():
        names = [name for name in public_names(package) if name not in LEFT_OUT]
        lines = [package, "=" * len(package), "", meaning, "", f".. currentmodule:: {package}", ""]
        if "__version__" in public_names(package):
            lines += [f".. py:data:: {package}.__version__", "", "   Version of the package.", ""]
        lines += [".. autosummary::", "   :toctree: generated", "   :nosignatures:", ""]
        made[f"reference/api/{package}.rst"] = "\n".join([*lines, *(f"   {n}" for n in names), ""])
    listed = "\n".join(PACKAGES)
    made["reference/api/index.md"] = (
        "# Python\n\nThe names in `__all__` of these packages are public "
        "([what is stable](../../python.md#what-is-stable)); anything else may change.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    )
    return made
