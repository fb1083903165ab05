"""Reading option values, and the two ways of speaking to the console."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .errors import UsageError, did_you_mean, first_line
from .escaping import printable
from .masking import is_secret_name, remember_secret
from .streams import for_layout

LONGEST_CONFIG = 1_000_000


def say(line: str) -> None:
    """One line on standard error."""
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()


def show(*renderables: object) -> None:
    """Tables and sentences on standard output; text in them is text, markup has no meaning."""
    from .rich_tables import console

    screen = console(for_layout(sys.stdout))
    for renderable in renderables:
        screen.print(renderable)


def check_text(where: str, text: str) -> None:
    """Raise UsageError for a text that no file can hold: a byte of value 0, or no UTF-8."""
    if "\0" in text:
        raise UsageError(f"{where}: holds a character of value 0: {text!r}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"{where}: is not UTF-8 text: {text!a}") from error


def whole_number(text: str) -> int | None:
    """The number that a text of at most 18 digits 0 to 9 is, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def parse_arguments(option: str, text: str | None) -> dict[str, object]:
    """``a=1,b=x`` as lm-eval reads it: numbers, True/False and None as such, else text.

    Raises UsageError for a piece without ``=``.
    """
    found: dict[str, object] = {}
    for piece in (text or "").split(","):
        if not piece.strip():
            continue
        name, equals, value = piece.partition("=")
        if not equals:
            raise UsageError(f"{option}: expected name=value, got {piece.strip()!r}")
        found[name.strip()] = _value(value.strip())
        if is_secret_name(name):
            remember_secret(value.strip())
    return found


def _value(text: str) -> object:
    named = {"true": True, "false": False, "none": None}
    if text.lower() in named:
        return named[text.lower()]
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def split_names(text: str | None) -> list[str]:
    """``a, b`` as ["a", "b"]; nothing as an empty list."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def parse_pairs(option: str, pieces: Iterable[str] | None) -> dict[str, str]:
    """Repeated ``NAME=VALUE`` options as a dict. Raises UsageError for other forms."""
    found: dict[str, str] = {}
    for piece in pieces or ():
        name, equals, value = piece.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{option}: expected NAME=VALUE, got {piece!r}")
        if name in found:
            raise UsageError(f"{option}: {name!r} is given twice")
        found[name] = value
    return found


def read_config(
    path: Path, known: Sequence[str], repeated: Sequence[str] = ()
) -> dict[str, object]:
    """Options from a YAML file: keys are option names without dashes before them; ``repeated``
    are those that can be given several times.

    Raises UsageError for a file that cannot be read or a key that is no option.
    """
    import yaml

    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST_CONFIG + 1)
        if len(text) > LONGEST_CONFIG:
            raise UsageError(f"--config: {path}: longer than {LONGEST_CONFIG:,} characters")
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config: cannot read {path}: {error}") from error
    except RecursionError as error:
        raise UsageError(f"--config: {path}: is nested too deeply to be read") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"--config: {path} is not YAML: {first_line(error)}") from error
    if not isinstance(content, Mapping):
        raise UsageError(f"--config: {path}: expected option: value lines")
    result: dict[str, object] = {}
    for key, value in content.items():
        name = str(key).replace("-", "_")
        if name not in known:
            raise UsageError(f"--config: {path}: unknown option {key!r}{did_you_mean(name, known)}")
        result[name] = given = _config_value(name, value, name in repeated)
        for one in given if isinstance(given, list) else [given]:
            check_text(f"--config: {path}: {name}", str(one))
    return result


def _config_value(name: str, value: object, repeated: bool) -> object:
    if repeated and value is not None:
        if name == "prompt" and isinstance(value, Mapping):
            return _pairs(value)
        return [_one_value(item) for item in (value if isinstance(value, list) else [value])]
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return _one_value(value)


def _one_value(value: object) -> object:
    return ",".join(_pairs(value)) if isinstance(value, Mapping) else value


def _pairs(value: Mapping[object, object]) -> list[str]:
    return [f"{key}={item}" for key, item in value.items()]
