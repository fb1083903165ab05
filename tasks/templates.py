"""Bounded rendering of users' templates, which can do nothing but produce text.

Jinja's sandbox blocks access to Python, but not endless loops and texts. So a template has output,
``if``, ``for`` and ``set``, but no macros and no other files; it builds lists of constants only;
and its loops, texts, numbers and time are bounded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

from jinja2 import StrictUndefined, Template, nodes, pass_context
from jinja2.exceptions import TemplateError, TemplateRuntimeError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

ItemT = TypeVar("ItemT")
MAX_TEXT = 1_000_000
"""Characters of a template, of any text that it computes, and of its output."""
MAX_STEPS = 10_000
"""Iterations of all loops of one rendering."""
MAX_SECONDS = 10.0
MAX_NUMBER = 10**15
_MAX_WIDTH = 100

_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If),
    *(nodes.CondExpr, nodes.For, nodes.Assign, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos),
    *(nodes.Concat, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Call, nodes.Keyword),
)
_METHODS = frozenset(
    (
        *("upper", "lower", "strip", "lstrip", "rstrip", "title", "capitalize", "split"),
        *("startswith", "endswith", "splitlines", "removeprefix", "removesuffix", "count", "find"),
        *("isdigit", "isalpha", "isupper", "islower", "isspace", "items", "keys", "values", "get"),
        *("cycle", "changed"),
    )
)
_OF_TEXT = (
    *("upper", "lower", "trim", "title", "capitalize", "escape", "e", "safe", "forceescape"),
    *("string", "truncate", "wordcount", "int", "float"),
)
_OF_ANY = (
    *("length", "count", "default", "d", "first", "last", "reverse", "sort", "unique", "select"),
    *("reject", "selectattr", "rejectattr", "map", "min", "max", "sum", "abs", "list", "items"),
)


class TemplateRefused(TemplateRuntimeError):
    """A template does something that is not allowed."""


class _Budget(threading.local):
    """The remaining steps and time of the rendering in this thread."""

    steps = 0
    until = 0.0

    def start(self) -> None:
        self.steps, self.until = MAX_STEPS, time.monotonic() + MAX_SECONDS

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise TemplateRefused(f"its loops go round more than {MAX_STEPS:,} times")
        if time.monotonic() > self.until:
            raise TemplateRefused(f"takes more than {MAX_SECONDS:g} seconds")


_budget = _Budget()


@pass_context  # which also keeps it from being evaluated while the template is compiled
def _counted(_: object, items: Iterable[ItemT]) -> Iterator[ItemT]:
    for item in items:
        _budget.step()
        yield item


def _bounded(value: ItemT) -> ItemT:
    """Return the value, unless it is a text or number beyond the bounds."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise TemplateRefused(f"makes a text of more than {MAX_TEXT:,} characters")
    if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise TemplateRefused(f"makes a number beyond {MAX_NUMBER:,}")
    return value


def _shown(value: object) -> object:
    """Return a value that becomes text; lists are refused, as they could be endless."""
    if value is None or isinstance(value, str | int | float | StrictUndefined):
        return _bounded(value)
    raise TemplateRefused(f"prints a {type(value).__name__}, not a text or a number; use join")


def _numbers(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_STEPS:
        raise TemplateRefused(f"has a range of more than {MAX_STEPS:,} numbers")
    return numbers


def _of_text(filtered: Callable[..., object]) -> Callable[..., object]:
    def bounded(*given: object, **named: object) -> object:
        for value in (*given, *named.values()):
            if isinstance(value, Iterable) and not isinstance(value, str | StrictUndefined):
                raise TemplateRefused(f"uses a {type(value).__name__} as text")
            _bounded(value)
        return _bounded(filtered(*given, **named))

    return _like(bounded, filtered)


def _like(made: Callable[..., object], filtered: Callable[..., object]) -> Callable[..., object]:
    """Let jinja pass to ``made`` what it passes to ``filtered``: context, environment or none."""
    made.__dict__.update(filtered.__dict__)
    return made


def _join(items: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    texts: list[str] = []
    length, separator = 0, str(separator)
    for item in items:
        _budget.step()
        value = getattr(item, attribute) if attribute is not None else item
        texts.append(str(_shown(value)))
        length += len(texts[-1]) + len(separator)
        if length > MAX_TEXT + len(separator):
            raise TemplateRefused(f"makes a text of more than {MAX_TEXT:,} characters")
    return separator.join(texts)


def _replace(text: object, old: str, new: str, count: int | None = None) -> str:
    whole, old, new = str(_shown(text)), str(old), str(new)
    times = whole.count(old) if count is None else min(count, whole.count(old))
    if len(whole) + times * len(new) > MAX_TEXT:
        raise TemplateRefused(f"makes a text of more than {MAX_TEXT:,} characters")
    return whole.replace(old, new, -1 if count is None else count)


def _indent(text: object, width: int = 4, first: bool = False, blank: bool = False) -> str:
    if not isinstance(width, int) or not 0 <= width <= _MAX_WIDTH:
        raise TemplateRefused(f"indents by more than {_MAX_WIDTH} characters")
    lines = str(_shown(text)).split("\n")
    pad = " " * width
    return "\n".join(
        pad + line if (number or first) and (line or blank) else line
        for number, line in enumerate(lines)
    )


def _round(value: float, precision: int = 0) -> float:
    return round(value, max(-15, min(15, precision)))


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja restricted to what is allowed."""

    intercepted_binops = frozenset(("+", "*", "%", "-", "/", "//"))

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            trim_blocks=True,
            keep_trailing_newline=False,
            autoescape=False,
            finalize=_shown,
        )
        known = dict(self.filters)
        self.filters = {name: _of_text(known[name]) for name in _OF_TEXT}
        self.filters |= {name: known[name] for name in _OF_ANY}
        self.filters |= {"join": _join, "replace": _replace, "indent": _indent, "round": _round}
        self.filters["counted loop"] = _counted  # a name that no template can spell
        self.globals = {"range": _numbers}

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Compute a binary operation whose result is bounded beforehand."""
        for value in (left, right):
            if not isinstance(value, str | int | float | StrictUndefined):
                raise TemplateRefused(f"computes with a {type(value).__name__}")
            _bounded(value)
        texts = [value for value in (left, right) if isinstance(value, str)]
        if texts and operator == "*":
            times = left if isinstance(right, str) else right
            if isinstance(times, int) and len(texts[0]) * times > MAX_TEXT:
                raise TemplateRefused(f"makes a text of more than {MAX_TEXT:,} characters")
        if isinstance(left, str) and operator == "%":
            raise TemplateRefused("formats with %, which templates do not have")
        return _bounded(super().call_binop(context, operator, left, right))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in list(tree.find_all(nodes.Node)):
            _check(node)
        for loop in list(tree.find_all(nodes.For)):
            loop.iter = nodes.Filter(
                loop.iter, "counted loop", [], [], None, None, lineno=loop.lineno
            )
        return _added(tree)


def _check(node: nodes.Node) -> None:
    kind = type(node).__name__
    wrong = None
    if not isinstance(node, _ALLOWED):
        wrong = f"uses {kind}"
    elif isinstance(node, nodes.For) and node.recursive:
        wrong = "uses a recursive loop"
    elif isinstance(node, nodes.Call) and not _may_call(node):
        wrong = "calls something other than range and the simple methods of texts"
    elif isinstance(node, nodes.List | nodes.Dict) and not _constant(node):
        wrong = f"builds a {kind.lower()} of other things than constants"
    elif isinstance(node, nodes.Tuple) and node.ctx == "load" and not _constant(node):
        wrong = "builds a tuple of other things than constants"
    if wrong is not None:
        raise TemplateRefused(f"line {node.lineno} {wrong}; templates have output, if, for and set")


def _may_call(node: nodes.Call) -> bool:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return False
    if isinstance(node.node, nodes.Name):
        return node.node.name == "range"
    return isinstance(node.node, nodes.Getattr) and node.node.attr in _METHODS


def _constant(node: nodes.Node) -> bool:
    return all(
        isinstance(child, nodes.Const) or (isinstance(child, nodes.Pair) and _constant(child))
        for child in node.iter_child_nodes()
    )


def _added(tree: nodes.Template) -> nodes.Template:
    """Replace ``a ~ b`` by a sum of texts, whose length is bounded."""
    for node in list(tree.find_all(nodes.Node)):
        for field, value in list(node.iter_fields()):
            if isinstance(value, nodes.Concat):
                setattr(node, field, _sum(value))
            elif isinstance(value, list):
                value[:] = [_sum(v) if isinstance(v, nodes.Concat) else v for v in value]
    return tree


def _sum(node: nodes.Concat) -> nodes.Expr:
    texts = [
        nodes.Filter(part, "string", [], [], None, None, lineno=node.lineno) for part in node.nodes
    ]
    total: nodes.Expr = texts[0]
    for text in texts[1:]:
        total = nodes.Add(total, text, lineno=node.lineno)
    return total


_environment = _Environment()


@lru_cache(maxsize=128)
def compiled(source: str) -> Template:
    """Compile a template. Raises TemplateError if it is invalid or not allowed."""
    if len(source) > MAX_TEXT:
        raise TemplateRefused(f"is longer than {MAX_TEXT:,} characters")
    try:
        return _environment.from_string(source)
    except TemplateError:
        raise
    except RecursionError as error:
        raise TemplateRefused("is nested too deeply") from error
    except Exception as error:
        raise TemplateRefused(f"{type(error).__name__}: {error}") from error


def rendered(source: str, context: dict[str, object]) -> str:
    """Render a template. Raises TemplateError if it cannot be rendered within the bounds."""
    template = compiled(source)
    _budget.start()
    pieces: list[str] = []
    length = 0
    try:
        for piece in template.generate(**context):
            length += len(piece)
            if length > MAX_TEXT:
                raise TemplateRefused(f"gives more than {MAX_TEXT:,} characters")
            pieces.append(piece)
    except TemplateError:
        raise
    except RecursionError as error:
        raise TemplateRefused("is nested too deeply") from error
    except Exception as error:
        raise TemplateRefused(f"{type(error).__name__}: {error}") from error
    return "".join(pieces)
