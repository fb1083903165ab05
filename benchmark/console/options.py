"""Parse option values, and print messages and tables to the console."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .errors import UsageError, did_you_mean, first_line
from .escaping import printable
from .streams import for_layout

LONGEST_CONFIG = 1_000_000


def say(line: str) -> None:
    """Print one line on standard error."""
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()


def show(*renderables: object) -> None:
    """Print tables and sentences on standard output; markup in them is plain text."""
    from .rich_tables import console

    screen = console(for_layout(sys.stdout))
    for renderable in renderables:
        screen.print(renderable)


def check_text(where: str, text: str) -> None:
    """Raise UsageError for a text that cannot be stored: with a null character, or not UTF-8."""
    if "\0" in text:
        raise UsageError(f"{where}: contains a null character: {text!r}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"{where}: is not UTF-8 text: {text!a}") from error


def whole_number(text: str) -> int | None:
    """Parse a text of at most 18 digits 0 to 9; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def split_names(text: str | None) -> list[str]:
    """Split ``a, b`` into ["a", "b"]; None gives an empty list."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def parse_pairs(option: str, pieces: Iterable[str] | None) -> dict[str, str]:
    """Parse repeated ``NAME=VALUE`` options into a dict.

    Raises:
        UsageError: a piece has another form, or a name is repeated.
    """
    pairs: dict[str, str] = {}
    for piece in pieces or ():
        name, equals, value = piece.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{option}: expected NAME=VALUE, got {piece!r}")
        if name in pairs:
            raise UsageError(f"{option}: {name!r} is given twice")
        pairs[name] = value
    return pairs


def read_config(
    path: Path, known: Sequence[str], repeated: Sequence[str] = ()
) -> dict[str, object]:
    """Read options from a YAML file.

    Args:
        path: the file; its keys are option names without leading dashes.
        known: names of all options.
        repeated: names of the options that can be given several times.

    Returns:
        Option name → value.

    Raises:
        UsageError: the file cannot be read, or a key is not an option.
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
    """Return an option's value; a mapping as JSON, so that its values stay what they are."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else value


def _pairs(value: Mapping[object, object]) -> list[str]:
    return [f"{key}={item}" for key, item in value.items()]
