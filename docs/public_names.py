"""The pages of the public names: an index per package, from which autosummary makes the rest."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from itertools import pairwise
from types import ModuleType
from typing import Any

PACKAGES = {
    "apprehend": "What `import apprehend as ap` offers: runs, scores, metrics and plots.",
    "apprehend.estimators": "Estimators, their registry, and the signals that they read.",
    "apprehend.reports": "Metrics, intervals, tests, analyses and pages, from data frames.",
    "apprehend.tasks": "Topics and labels of the questions.",
    "apprehend.benchmark": "What an importer in a file of your own needs.",
}


def public_names(package: str) -> list[str]:
    """Return the names in a package's ``__all__``."""
    return sorted(importlib.import_module(package).__all__, key=str.lower)


def api_pages() -> dict[str, str]:
    """Return path → text of the index of each package.

    A class or function has a page, made by autosummary; one that an earlier package offers too is
    linked there. Constants are described on the index.
    """
    made: dict[str, str] = {}
    homes: dict[int, str] = {}
    for package, meaning in PACKAGES.items():
        module = importlib.import_module(package)
        pages, others, constants = [], [], []
        for name in public_names(package):
            value = getattr(module, name)
            if not (isinstance(value, ModuleType) or _is_ours(value)):
                constants.append((name, value))
            elif homes.setdefault(id(value), f"{package}.{name}") == f"{package}.{name}":
                pages.append(name)
            else:
                others.append((name, homes[id(value)]))
        lines = [package, "=" * len(package), "", meaning, "", f".. currentmodule:: {package}", ""]
        if pages:
            lines += [".. autosummary::", "   :toctree: generated", "   :nosignatures:", ""]
            lines += [*(f"   {name}" for name in pages), ""]
        for name, value in constants:
            lines += [f".. py:data:: {package}.{name}", "", f"   {_meaning(name, value)}", ""]
        lines += [f"* `{name}`: :py:obj:`{home}`" for name, home in others]
        made[f"reference/api/{package}.rst"] = "\n".join([*lines, ""])
    listed = "\n".join(PACKAGES)
    made["reference/api/index.md"] = (
        "# Python\n\nThe names in `__all__` of these packages are public "
        "([what is stable](../../python.md#what-is-stable)); anything else may change.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    )
    return made


def _is_ours(value: Any) -> bool:
    """Whether a value is a class or a function of this package, not a constant."""
    home = str(getattr(value, "__module__", ""))
    own = home.partition(".")[0] == "apprehend"
    return own and callable(value) and hasattr(value, "__qualname__")


def _meaning(name: str, value: Any) -> str:
    """Describe a constant: the text below its definition, and its value if that is short."""
    text = "Version of the package." if name == "__version__" else _below_definition(name, value)
    shown = f" ``{value!r}``" if len(repr(value)) <= 200 and name != "__version__" else ""
    if not text:
        raise LookupError(f"no text stands below the definition of {name}")
    return f"{text}{shown}"


def _below_definition(name: str, value: Any) -> str:
    for module in list(sys.modules.values()):
        if not getattr(module, "__name__", "").startswith("apprehend."):
            continue
        if vars(module).get(name) is not value:
            continue
        body = ast.parse(inspect.getsource(module)).body
        for node, after in pairwise(body):
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
            text = after.value if isinstance(after, ast.Expr) else None
            if named and isinstance(text, ast.Constant) and isinstance(text.value, str):
                return " ".join(text.value.split())
    return ""
