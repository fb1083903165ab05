"""Options as they are declared, and the parameters that typer reads of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import GenericAlias
from typing import Annotated

import typer

from .completion import COMPLETED
from .errors import UsageError


@dataclass(frozen=True)
class Typed:
    """An option as the user gives it: ``--name VALUE``, or ``name: value`` in a config file."""

    help: str
    kind: type | GenericAlias = str
    """Type of the value; ``list[str]`` for an option that can be repeated."""
    default: object = None
    min: float | None = None
    max: float | None = None
    name: str = ""
    """Name of the option; the name of the field unless given."""
    argument: bool = False
    """Whether it is typed without its name."""


REQUIRED: object = inspect.Parameter.empty
"""The default of what has to be given."""


def as_kind(where: str, kind: type | GenericAlias, text: str) -> object:
    """Return the value of a text for an option of that kind; a list of it for a list option.

    Raises UsageError for what is no number where one is expected.
    """
    if isinstance(kind, GenericAlias):
        return [as_kind(where, kind.__args__[0], text)]
    if kind is bool:
        if text not in ("true", "false"):
            raise UsageError(f"{where}: expected true or false, got {text!r}")
        return text == "true"
    try:
        return kind(text)
    except ValueError as error:
        raise UsageError(f"{where}: expected {kind.__name__}, got {text!r}") from error


def spelled_once(name: str) -> str:
    """Return the canonical spelling of an option: underscores, as in lm-eval, for dashes."""
    return name.replace("-", "_")


def with_options(
    declared: Iterable[tuple[str, Typed]],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the declared options to a command that takes ``**given``, before its own options."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [_parameter(name, option) for name, option in declared]
        parameters += [p for p in own if p.kind is not inspect.Parameter.VAR_KEYWORD]
        hints = {parameter.name: parameter.annotation for parameter in parameters}
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {**hints, "return": None}
        return command

    return decorate


def _parameter(name: str, option: Typed) -> inspect.Parameter:
    words = f"--{name}"
    if option.kind is bool and option.default is True:
        words += f"/--no_{name}"
    info: object = typer.Option(
        words,
        min=option.min,
        max=option.max,
        help=option.help,
        autocompletion=COMPLETED.get(name),
    )
    if option.argument:
        info = typer.Argument(help=option.help)
    kind: object = option.kind | None if option.default is None else option.kind
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=Annotated[kind, info],
    )
