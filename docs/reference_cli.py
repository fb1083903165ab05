"""The pages of the commands, from what the command line itself declares: every option."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer
import typer.main
from apprehend.benchmark.cli.main import app
from reference_text import cell, escaped, table


def commands() -> Iterator[tuple[str, Any]]:
    """Yield the words of every command and the command, groups before their members."""
    group: Any = typer.main.get_command(app)
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield name, command
        if hasattr(command, "list_commands"):
            inner = typer.Context(command, parent=context)
            for member in command.list_commands(inner):
                yield f"{name} {member}", command.get_command(inner, member)


def option_rows(command: Any) -> list[tuple[str, str]]:
    """Return the arguments and options of a command: how they are typed; meaning and default."""
    rows = []
    for parameter in command.params:
        if parameter.name == "help" or getattr(parameter, "hidden", False):
            continue
        is_option = parameter.param_type_name == "option"
        names = [*parameter.opts, *parameter.secondary_opts] if is_option else []
        shown = ", ".join(f"`{name}`" for name in names) or f"`{parameter.name.upper()}`"
        default = "Required." if parameter.required else _default(parameter.default)
        meaning = cell(getattr(parameter, "help", "") or "")
        rows.append((shown, f"{meaning} {default}".strip()))
    return rows


def _default(value: Any) -> str:
    if value is None or value is False or value in ((), [], "") or callable(value):
        return ""
    if type(value).__name__ in ("Sentinel", "_Unset"):
        return ""
    return f"Default: `{'yes' if value is True else value}`."


def _entry(words: str, command: Any, level: int) -> list[str]:
    usage = " ".join(
        parameter.name.upper()
        for parameter in command.params
        if parameter.param_type_name != "option"
    )
    lines = [f"(command-{words.replace(' ', '-')})=", f"{'#' * level} `apprehend {words}`", ""]
    help_text = inspect.cleandoc(command.help or "")
    lines += [escaped(" ".join(part.split())) + "\n" for part in help_text.split("\n\n") if part]
    if not hasattr(command, "list_commands"):
        lines += ["```", f"apprehend {words} {usage} [OPTIONS]".replace("  ", " "), "```", ""]
        rows = option_rows(command)
        if rows:
            lines += table(("argument or option", "meaning"), rows)
    return lines


def command_pages() -> dict[str, str]:
    """Return a page per command; those of a group are on one page."""
    made: dict[str, list[str]] = {}
    for words, command in commands():
        first, _, member = words.partition(" ")
        made.setdefault(first, []).extend(_entry(words, command, 2 if member else 1))
    listed = list(made)
    index = [
        "# Command line",
        "",
        "Options are spelled with underscores, as in lm-eval; those that lm-eval has keep its "
        "meaning. Exit status: 0 done, 1 failed, 2 wrong use. An error is one line on standard "
        "error; `--debug` shows the traceback.",
        "",
        "```{toctree}",
        ":maxdepth: 1",
        "",
        *listed,
        "```",
        "",
    ]
    return {
        "reference/cli/index.md": "\n".join(index),
        **{f"reference/cli/{name}.md": "\n".join(lines) for name, lines in made.items()},
    }
