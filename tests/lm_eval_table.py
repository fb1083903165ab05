"""The table of docs/lm_eval_tasks.md: how each multiple-choice task that lm-eval ships is asked.

Data sets are not at hand, so documents are made from the templates: every variable gets texts in
the shape in which the template uses it. Templates that are Python functions say nothing of their
documents; such tasks are decided when they are loaded.
"""

from __future__ import annotations

from ast import literal_eval
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from apprehend.benchmark.run.questions.lm_eval_facts import are_labels
from apprehend.benchmark.run.questions.option_fields import Layout, are_labeled, find_fields
from apprehend.benchmark.run.questions.task_files import lm_eval_folder
from apprehend.tasks.topics import MAX_OPTIONS, letters
from jinja2 import Environment, TemplateSyntaxError, nodes
from lm_eval.utils import apply_template

LABEL, TEXT, WRITTEN, LATER = "label", "whole text", "generated text", "when loaded"
COUNT = 4
"""Options of made documents, where the template does not say how many."""
_LETTERS = ("ABCD", "[A-", "A|B|C", "'A'", "A, B, C")


def is_function(value: object) -> bool:
    """Return whether a setting names a function, which lm-eval's index spells as a path."""
    folder = lm_eval_folder()
    return isinstance(value, str) and value.startswith((str(folder), str(folder.resolve())))


def is_template(value: object) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


class _Shape:
    """How a template uses a variable: as a text, a list of a length, or a mapping."""

    def __init__(self) -> None:
        self.length = 0
        self.parts: dict[str, _Shape] = defaultdict(_Shape)

    def made(self, name: str) -> Any:
        if self.parts:
            return {key: shape.made(f"{name} {key}") for key, shape in self.parts.items()}
        if self.length:
            return [f"some {name} number {place}" for place in range(self.length)]
        return f"the {name} of it"


def made_document(*templates: object) -> dict[str, Any]:
    """Return a document that the templates can render. Raises TemplateSyntaxError."""
    root = _Shape()
    for template in templates:
        if is_template(template):
            tree = Environment().parse(str(template))
            for node in tree.find_all((nodes.Getitem, nodes.Getattr, nodes.For, nodes.Name)):
                if isinstance(node, nodes.For):
                    if (shape := _shape(node.iter, root)) is not None:
                        shape.length = max(shape.length, COUNT)
                else:
                    _shape(node, root)
        elif isinstance(template, str) and template and not is_function(template):
            root.parts[template].length = COUNT if "choice" in template else 0
    return {name: shape.made(name) for name, shape in root.parts.items()}


def _shape(node: nodes.Node, root: _Shape) -> _Shape | None:
    if isinstance(node, nodes.Name):
        return root.parts[node.name] if node.ctx == "load" else None
    if isinstance(node, nodes.Filter) and node.node is not None:
        return _shape(node.node, root)
    if isinstance(node, nodes.Getattr):
        inner = _shape(node.node, root)
        callable_of_texts = node.attr in dir(str) or node.attr in ("index", "items", "values")
        return inner if inner is None or callable_of_texts else inner.parts[node.attr]
    if isinstance(node, nodes.Getitem):
        inner = _shape(node.node, root)
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if inner is not None and isinstance(key, int):
            inner.length = max(inner.length, key + 1)
        return inner.parts[key] if inner is not None and isinstance(key, str) else inner
    return None


def asked_as(config: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what a task asks for, and whether its options can be asked in other orders.

    None for tasks that are not multiple choice.
    """
    choice, text = config.get("doc_to_choice"), config.get("doc_to_text")
    if config.get("output_type") == "generate_until":
        shown = repr((config.get("filter_list"), config.get("doc_to_target"), choice))
        return (WRITTEN, "") if any(mark in shown for mark in _LETTERS) else None
    if config.get("output_type") != "multiple_choice":
        return None
    if is_function(choice) or choice is None:
        return LATER, LATER
    listed = list(choice.values()) if isinstance(choice, Mapping) else choice
    if isinstance(listed, list):
        if not 2 <= len(listed) <= MAX_OPTIONS:
            return f"refused: {len(listed)} options", ""
        kind = LABEL if are_labels([[str(item) for item in listed]], True) else TEXT
    else:
        kind = LABEL if "label" in str(listed) else TEXT
    return kind, _orders(kind, text, listed)


def _orders(kind: str, text: object, choice: object) -> str:
    if is_function(text):
        return LATER
    if not is_template(text):  # a field as it is: whether it lists options, its documents say
        return LATER if kind == LABEL and text else "no"
    try:
        document = made_document(text, choice)
        found = find_fields(
            document,
            lambda own: apply_template(str(text), dict(own)),
            lambda own, cut: (
                are_labeled(cut, _labels(choice, cut))
                if kind == LABEL
                else literal_eval(apply_template(str(choice), dict(own))) == list(cut.options)
            ),
        )
    except (TemplateSyntaxError, SyntaxError, TypeError, ValueError, AttributeError):
        return LATER
    return "no" if found is None else "yes"


def _labels(choice: object, cut: Layout) -> list[str]:
    return (
        [str(label) for label in choice] if isinstance(choice, list) else letters(len(cut.options))
    )


def table(index: Mapping[str, Any]) -> list[str]:
    """Return the rows of the table, from the entries of lm-eval's index of its own tasks."""
    rows: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name, entry in sorted(index.items()):
        asked = asked_as(entry.cfg or {}) if entry.kind.name == "TASK" else None
        if asked is not None:
            folder = entry.yaml_path.relative_to(lm_eval_folder()).parts[0]
            rows[(folder, *asked)].append(name)
    return [
        f"| {folder} | {len(names)} | `{names[0]}` | {kind} | {orders} |\n"
        for (folder, kind, orders), names in sorted(rows.items())
    ]


def totals(lines: list[str]) -> Counter[str]:
    """Return the number of tasks by what they ask for."""
    found: Counter[str] = Counter()
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|\n").split("|")]
        found[cells[3]] += int(cells[1])
    return found
