"""Lookup of estimators: built-in, installed (entry points), or in a user's file."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from . import controls
from .answers import (
    answer_distribution,
    consensus,
    id_prior,
    layer_answers,
    perturbations,
    position_bias,
    question_familiarity,
    sample_states,
    samples,
    token_evidence,
)
from .core.estimator import Estimator
from .core.user_files import is_file_spec, load_from_file
from .others import committee, cross_model
from .signals.batch import Need
from .signals.estimator_errors import EstimatorLookupError
from .statements import judges, self_reports, stated_distributions
from .trace import chain_of_thought, entropy_production, forced_answers, trace_course, trace_wording
from .trained import calibration, conformal, inside_probes, rank_mixing, state_space, supervised

ENTRY_POINT_GROUP = "apprehend.estimators"
"""Group of entry points under which other packages install estimators."""
_MODULES: tuple[ModuleType, ...] = (
    answer_distribution,
    layer_answers,
    token_evidence,
    chain_of_thought,
    trace_course,
    trace_wording,
    forced_answers,
    entropy_production,
    samples,
    sample_states,
    rank_mixing,
    self_reports,
    stated_distributions,
    perturbations,
    consensus,
    position_bias,
    id_prior,
    question_familiarity,
    judges,
    committee,
    cross_model,
    supervised,
    inside_probes,
    state_space,
    calibration,
    conformal,
    controls,
)
_SPEC = re.compile(r"(?P<name>[^()]+?)(?:\((?P<arguments>.*)\))?", re.DOTALL)


def _public(module: ModuleType) -> Iterator[type[Estimator]]:
    for value in vars(module).values():
        if (
            inspect.isclass(value)
            and issubclass(value, Estimator)
            and value.__module__ == module.__name__
            and not value.__name__.startswith("_")
        ):
            yield value


def builtin_estimators() -> dict[str, type[Estimator]]:
    """Return name → class of all estimators of this package, in the order of the families."""
    return {cls.name: cls for module in _MODULES for cls in _public(module)}


def installed_estimators() -> dict[str, EntryPoint]:
    """Return name → entry point, not yet loaded, of estimators that other packages install."""
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


@dataclass(frozen=True)
class EstimatorRow:
    """A row of the table of estimators."""

    name: str
    family: str
    needs: str
    """Signals that it needs with default parameters; "nothing" if none."""
    cost: str
    source: str
    summary: str
    """First line of its docstring."""
    parameters: str
    """Its parameters with their defaults, e.g. ``q=2.0``."""
    learns: bool
    """Whether it is fitted on labels, out of fold."""


def estimator_row(cls: type[Estimator]) -> EstimatorRow:
    """Return the row of a class whose parameters all have defaults."""
    estimator, parameters = cls(), inspect.signature(cls).parameters.values()
    return EstimatorRow(
        name=cls.name,
        family=cls.family,
        needs=_needs_text(estimator.requirements()),
        cost=estimator.cost,
        source=cls.reference,
        summary=cls.summary(),
        parameters=", ".join(f"{p.name}={p.default!r}" for p in parameters),
        learns=estimator.learns,
    )


def _needs_text(needs: Iterable[Need]) -> str:
    """Format needs as ``signal[variant, variant]``, signals in order, or "nothing"."""
    variants: dict[str, list[str]] = {}
    for need in sorted(needs, key=str):
        name = str(Need(need.signals))
        variants.setdefault(name, [])
        variants[name] += [need.variant] if need.variant else []
    texts = [f"{name}[{', '.join(v)}]" if v else name for name, v in variants.items()]
    return ", ".join(texts) or "nothing"


def estimator_table() -> list[EstimatorRow]:
    """Return the rows of all built-in estimators, in the order of the families."""
    return [estimator_row(cls) for cls in builtin_estimators().values()]


def estimator_markdown() -> str:
    """Format the table as Markdown, a line per estimator; "L" marks those that learn."""
    lines = ["| family | name | what it is | needs | cost | source |", "|---|---|---|---|---|---|"]
    family = ""
    for row in estimator_table():
        shown = "" if row.family == family else row.family
        family = row.family
        name = f"`{row.name}{f'({row.parameters})' * bool(row.parameters)}`{' L' * row.learns}"
        cells = (shown, name, row.summary, row.needs, row.cost, row.source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def split_specs(text: str) -> list[str]:
    """Split a comma-separated list of specifications.

    Args:
        text: For example ``"token_entropy, renyi_entropy(alpha=2, base=2)"``.

    Returns:
        The specifications without blanks around them; commas inside parentheses do not split.
    """
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [part.strip() for part in [*parts, current] if part.strip()]


def load_estimator(spec: str) -> Estimator:
    """Create an estimator from its specification.

    Args:
        spec: ``name``, ``name(parameter=value)`` or ``path/to/file.py:Class``.

    Returns:
        An instance of the named class.

    Raises:
        EstimatorLookupError: the name is unknown (the message suggests the closest one), the file
            or class cannot be loaded, or a parameter is invalid.
    """
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise EstimatorLookupError(f"estimator {spec!r}: expected name or name(parameter=value)")
    name = match["name"].strip()
    cls = _from_file(name) if is_file_spec(name) else _from_name(name)
    arguments = _arguments(spec, match["arguments"])
    try:
        return cls(**arguments)
    except (TypeError, ValueError) as error:
        raise EstimatorLookupError(f"estimator {spec!r}: {error}") from error


def load_estimators(specs: Sequence[str]) -> list[Estimator]:
    """Create several estimators.

    Args:
        specs: Specifications as of ``load_estimator``.

    Returns:
        Their instances, in this order.

    Raises:
        EstimatorLookupError: One is unknown or refuses its parameters, or two have the same name.
    """
    loaded = [load_estimator(spec) for spec in specs]
    seen: dict[str, str] = {}
    for spec, estimator in zip(specs, loaded, strict=True):
        if estimator.label in seen:
            raise EstimatorLookupError(
                f"estimators {seen[estimator.label]!r} and {spec!r} are both called "
                f"{estimator.label!r}; give one of them another name"
            )
        seen[estimator.label] = spec
    return loaded


def _arguments(spec: str, text: str | None) -> dict[str, Any]:
    if not text or not text.strip():
        return {}
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(call, ast.Call)
        if call.args or any(keyword.arg is None for keyword in call.keywords):
            raise EstimatorLookupError(f"estimator {spec!r}: expected parameter=value")
        return {str(k.arg): _value(k.value) for k in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise EstimatorLookupError(
            f"estimator {spec!r}: cannot read the parameters {text!r}"
        ) from error


def _value(node: ast.expr) -> Any:
    """Evaluate a literal; a bare word is text, so that a shell needs no nested quotes."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(item) for item in node.elts)
    return ast.literal_eval(node)


def _from_name(name: str) -> type[Estimator]:
    builtin = builtin_estimators()
    if name in builtin:
        return builtin[name]
    installed = installed_estimators()
    if name in installed:
        point = installed[name]
        try:
            return _checked(point.load(), f"entry point {point.value}")
        except (ImportError, AttributeError) as error:
            raise EstimatorLookupError(
                f"estimator {name!r}: cannot load {point.value}: {error}"
            ) from error
    known = sorted([*builtin, *installed])
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise EstimatorLookupError(f"unknown estimator {name!r}, known: {', '.join(known)}{hint}")


def _from_file(name: str) -> type[Estimator]:
    value = load_from_file("estimator", name, _names, EstimatorLookupError)
    return _checked(value, name.rpartition(":")[0])


def _names(module: ModuleType) -> list[str]:
    return [cls.__name__ for cls in _public(module)]


def _checked(value: Any, origin: str) -> type[Estimator]:
    if not (inspect.isclass(value) and issubclass(value, Estimator)):
        received = f"class {value.__name__}" if isinstance(value, type) else repr(value)
        raise EstimatorLookupError(f"{origin}: expected a subclass of Estimator, got {received}")
    if not isinstance(getattr(value, "name", None), str) or not value.name:
        raise EstimatorLookupError(f"{origin}: {value.__name__} needs a class attribute `name`")
    if value.score is Estimator.score:
        raise EstimatorLookupError(
            f"{origin}: {value.__name__} does not define score(self, signals)"
        )
    for name, usual in vars(Estimator).items():
        declared = getattr(value, name)
        if isinstance(usual, bool) and not isinstance(declared, bool):
            raise EstimatorLookupError(
                f"{origin}: {value.__name__}: expected `{name}` to be True or False, got "
                f"{declared!r}"
            )
    look = value.look
    if not (isinstance(look, tuple) and len(look) == 2 and all(isinstance(x, str) for x in look)):
        raise EstimatorLookupError(
            f"{origin}: {value.__name__}: expected `look` to be a color and a line, e.g. "
            f"('blue', '-'), got {look!r}"
        )
    return value
