"""The pages of the reference that follow from declarations; nothing in them is written by hand.

`pages` returns path → Markdown for estimators, metrics, signals, importers, tasks, data sets,
analyses and commands. docs/make_site.py writes them below the other sources of the site.
"""

from __future__ import annotations

import inspect
import re

from apprehend.benchmark.importers.importer import importers
from apprehend.estimators import TABLES, Estimator, Signal, Signals, builtin_estimators
from apprehend.estimators.registry import EstimatorRow, estimator_row
from apprehend.estimators.signals.tables import SignalTable
from apprehend.reports import benchmark_analyses, builtin_metrics
from apprehend.tasks.data_sets.preset import presets
from apprehend.tasks.mmlu_pro import STYLES
from apprehend.tasks.topics import TOPICS, topic_slug
from reference_cli import command_pages, option_rows
from reference_text import attribute_docs, cell, docstring_parts, escaped, fact_table, linked, table

COST = {
    "c": "c: one forward pass per question, or reuse of what is stored",
    "m": "m: one more pass, or one long generation",
    "x": "x: several passes or generations",
}
_RANGE = re.compile(r"(?<![A-Za-z])[Ii]n ([\[(][^;:.]*?[\])])(?=[;:,.]|\s|$)|(?<=in )(\d\.\.\S+)")
_NUMBERS = re.compile(
    r"at least \d+|from 0|0\.2, 0\.4, 0\.6, 0\.8|low 0\.25, medium 0\.5, high 0\.75"
)


def anchor(kind: str, name: str) -> str:
    """Return the target of an entry, unique in the site."""
    return f"{kind}-{name.replace('_', '-')}"


def slug(text: str) -> str:
    """Return the name of a family's page."""
    return re.sub(r"[^a-z]+", "_", text.lower())


def stated_range(cls: type[Estimator]) -> str:
    """Return the range of the score as the docstring states it; "" where it does not."""
    for part in (cls.summary(), inspect.getdoc(cls) or ""):
        text = " ".join(part.split())
        found = _range_in(text)
        if found:
            return found
    return ""


def _range_in(text: str) -> str:
    """Return the first interval behind the word "in", its brackets balanced."""
    for start in re.finditer(r"(?<![A-Za-z])[Ii]n (?=[\[(])", text):
        depth, end = 0, start.end()
        for end in range(start.end(), len(text)):
            depth += (text[end] in "[(") - (text[end] in "])")
            if depth == 0:
                return text[start.end() : end + 1]
    other = re.search(r"(?<=in )\d\.\.[A-Z][^.,; ]*", text) or _NUMBERS.search(text)
    return other[0] if other else ""


def parameter_meanings(cls: type[Estimator]) -> dict[str, str]:
    """Return parameter → the sentences of the docstrings that name it, of class and bases."""
    meanings: dict[str, str] = {}
    for name in inspect.signature(cls).parameters:
        sentences: list[str] = []
        for base in cls.__mro__:
            texts = [vars(base).get("__doc__")]
            init = vars(base).get("__init__")
            if base is not object and init is not None:
                texts.append(init.__doc__)
            for text in filter(None, texts):
                sentences += [s for s in _sentences(text) if _names(s, name)]
            if sentences or base is Estimator:
                break
        meanings[name] = " ".join(dict.fromkeys(sentences))
    return meanings


def _sentences(text: str) -> list[str]:
    first, more = docstring_parts(text)
    return [s for part in (first, *more) for s in re.split(r"(?<=[.;])\s+(?=[`A-Zα-ωΑ-Ω\"])", part)]


def _names(sentence: str, name: str) -> bool:
    symbol = {"alpha": "α", "tau": "τ"}.get(name, name)
    spoken = [f"``{name}``", f"``{name}=", f"{symbol} ="] + ([symbol] if symbol != name else [])
    return any(word in sentence for word in spoken)


def _entry(cls: type[Estimator], row: EstimatorRow) -> list[str]:
    first, more = docstring_parts(cls.__doc__)
    lines = [f"({anchor('estimator', row.name)})=", f"## `{row.name}`", "", "{.formula}"]
    lines += [escaped(first), ""]
    for paragraph in more:
        lines += [escaped(paragraph), ""]
    facts = [
        ("use", f"`--estimators {row.name}`"),
        ("range", escaped(stated_range(cls)) or "as stated above"),
        ("orientation", "higher = more uncertain"),
        ("needs", _linked_signals(row.needs)),
        ("cost", COST[row.cost]),
        ("learns", "from labels, out of fold" if row.learns else "no"),
        ("probability of an error", "yes" if cls().is_probability else "no"),
        ("source", linked(row.source)),
    ]
    lines += fact_table(facts)
    meanings = parameter_meanings(cls)
    if meanings:
        parameters = inspect.signature(cls).parameters
        rows = [
            (f"`{name}`", f"`{parameters[name].default!r}`", cell(meaning))
            for name, meaning in meanings.items()
        ]
        lines += table(("parameter", "default", "meaning"), rows)
    return lines


def _linked_signals(needs: str) -> str:
    """Return the needs of an estimator with each signal as a link."""
    names = "|".join(signal.value for signal in TABLES)

    def link(found: re.Match[str]) -> str:
        return f"[{escaped(found[0])}](#{anchor('signal', found[0])})"

    shown = re.sub(rf"\b({names})\b(?![^\[]*\])", link, needs)
    return re.sub(r"(?<=\))\[([^\]]*)\]", lambda v: escaped(v[0]), shown)


def families() -> dict[str, list[type[Estimator]]]:
    """Return family → its estimators, in the order of the registry."""
    found: dict[str, list[type[Estimator]]] = {}
    for cls in builtin_estimators().values():
        found.setdefault(cls.family, []).append(cls)
    return found


def estimator_pages() -> dict[str, str]:
    """Return a page per family of estimators, and the table of all."""
    made: dict[str, str] = {}
    listed = []
    for family, classes in families().items():
        lines = [f"# {family.capitalize()}", ""]
        for cls in classes:
            lines += _entry(cls, estimator_row(cls))
        made[f"reference/estimators/{slug(family)}.md"] = "\n".join(lines)
        listed.append(slug(family))
    lines = [
        "# Estimators",
        "",
        "Each computes one score per question from stored signals; a higher score means more "
        "uncertain. L: learns from labels, out of fold. Cost: c = one forward pass or reuse, m = "
        "one more pass or a long generation, x = many. `apprehend list estimators` prints this "
        "with the parameters.",
        "",
        *("```{toctree}", ":hidden:", "", *listed, "```", ""),
    ]
    for family, classes in families().items():
        lines += [f"## [{family.capitalize()}]({slug(family)}.md)", ""]
        lines += table(
            ("name", "what it is", "needs", "cost", "source"),
            [
                (
                    f"[`{row.name}`](#{anchor('estimator', row.name)})" + " L" * row.learns,
                    cell(row.summary),
                    cell(row.needs),
                    row.cost,
                    linked(row.source),
                )
                for row in map(estimator_row, classes)
            ],
        )
    made["reference/estimators/index.md"] = "\n".join(lines)
    return made


def metric_page() -> str:
    """Return the page of metrics."""
    lines = [
        "# Metrics",
        "",
        "Errors are the positive class. Every metric is a column of `metrics.csv`; those that need "
        "probabilities are computed for scores that claim to be the probability of an error.",
        "",
    ]
    for one in builtin_metrics().values():
        function = getattr(one.compute, "func", one.compute)
        facts = [
            ("range", escaped(one.range_text)),
            ("better", one.better),
            ("needs", escaped(one.needs.value)),
            ("mean over topics", escaped(str(one.macro))),
            ("source", linked(one.source)),
        ]
        lines += [f"({anchor('metric', one.name)})=", f"## `{one.name}`", "", escaped(one.meaning)]
        details = docstring_parts(function.__doc__)[1]
        lines += [""] + [escaped(text) + "\n" for text in details if not _SECTION.match(text)]
        lines += fact_table(facts)
    return "\n".join(lines)


_SECTION = re.compile(r"(Args|Returns|Raises|References|Attributes):")


def signal_page() -> str:
    """Return the page of signals, with every column."""
    lines = [
        "# Signals",
        "",
        "A signal is one thing observed of a model on a question, collected once and shared by "
        "every estimator that needs it: `signals.answer`, `signals.trace`, … in `score`. n is the "
        "number of questions of the batch; rows of a question that was not observed are NaN, -1 "
        "or None.",
        "",
    ]
    for signal, cls in TABLES.items():
        first, more = docstring_parts(cls.__doc__)
        lines += [
            f"({anchor('signal', signal.value)})=",
            f"## `{signal.value}`",
            "",
            escaped(first),
        ]
        lines += ["", *(escaped(text) + "\n" for text in more)]
        lines += [f"Read it as {_access(signal, cls)}. Cost per question: {escaped(cls.cost)}.", ""]
        texts = attribute_docs(cls)
        rows = [(f"`{name}`", cell(texts.get(name, ""))) for name in cls.kinds()]
        derived = {
            name: docstring_parts(value.__doc__)[0]
            for base in reversed(cls.__mro__)
            for name, value in vars(base).items()
            if isinstance(value, property) and not name.startswith("_")
        }
        rows += [(f"`{name}`", f"{cell(text)} (derived)") for name, text in derived.items()]
        lines += table(("column", "meaning"), rows)
    return "\n".join(lines)


def _access(signal: Signal, cls: type[SignalTable]) -> str:
    """Return how an estimator reads a signal: by its property, or by its table."""
    if hasattr(Signals, signal.value):
        read = f"signals.{signal.value}"
    else:
        read = f"signals.{'variants' if cls.keyed else 'table'}(TABLES[Signal.{signal.name}])"
    own = vars(Signals).get(signal.value)
    if own is not None and own.fget.__annotations__["return"].startswith("Panel["):
        return f'`{read}.tables["MODEL"]`'
    if not cls.keyed:
        return f"`{read}`"
    return f'`{read}["VARIANT"].only`, or `.tables["SOURCE"]` where there are several sources'


def importer_page() -> str:
    """Return the page of importers."""
    lines = [
        "# Importers",
        "",
        "`apprehend import NAME PATH… --model MODEL` reads recorded answers. All take `--task`, "
        "`--output_path` and `--dry_run`. [Bring your own results](../bring_your_own_results.md) "
        "has a command for each; [an importer of your own](../extend/importer.md) is a file.",
        "",
    ]
    for one in importers().values():
        lines += [
            f"({anchor('importer', one.name)})=",
            f"## `{one.name}`",
            "",
            escaped(one.summary),
        ]
        lines += ["", escaped(one.files), ""]
        rows = [(f"`--{name}`", cell(option.help)) for name, option in one.options.items()]
        if rows and not one.every_option:
            lines += table(("option", "meaning"), rows)
        elif one.every_option:
            lines += ["It takes the options of the format that it recognizes.", ""]
    return "\n".join(lines)


def task_page() -> str:
    """Return the page of tasks and of recognized data sets."""
    lines = ["# Tasks and data sets", "", "## Task groups", ""]
    rows = [
        (
            f"`{group}`",
            f"{style.label_kind}s",
            "a chain of thought that ends in the label"
            if style.chain_of_thought
            else "the label alone" + (", or a reserved letter" if style.dont_know else ""),
        )
        for group, style in STYLES.items()
    ]
    lines += table(("group", "labels", "asks for"), rows)
    example = next(iter(STYLES))
    topics = ", ".join(f"`{topic_slug(topic)}`" for topic in TOPICS)
    lines += [
        f"Every group has one task per topic, such as `{example}_{topic_slug(TOPICS[0])}`: "
        f"{topics}. lm-eval's own tasks are asked by name too: "
        "[any multiple-choice task of lm-eval](../lm_eval_tasks.md).",
        "",
        "## Data sets that `--data` recognizes",
        "",
    ]
    known = [
        (
            f"`{one.name}`",
            cell(one.title),
            cell(one.published),
            cell(", ".join(one.requires) or "a last cell that is a letter, in all lines"),
        )
        for one in presets().values()
    ]
    lines += table(("preset", "schema", "data set", "recognized by"), known)
    lines += ["[Your own questions](../your_own_data.md) has the columns of any other file.", ""]
    return "\n".join(lines)


def analysis_page() -> str:
    """Return the page of the analyses of `apprehend analyse`."""
    lines = [
        "# Analyses of all stored models",
        "",
        "`apprehend analyse results` writes a CSV file for each, and a page.",
        "",
    ]
    for one in benchmark_analyses().values():
        lines += [f"({anchor('analysis', one.file)})=", f"## {escaped(one.title)}", ""]
        facts = [
            ("file", f"`{one.file}.csv`"),
            ("what it says", cell(one.meaning)),
            ("when it says nothing", cell(one.limits)),
            ("requires", cell(one.requires)),
            ("source", linked(one.source)),
        ]
        lines += fact_table(facts)
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Return path → Markdown of all pages that follow from declarations."""
    return {
        **estimator_pages(),
        "reference/metrics.md": metric_page(),
        "reference/signals.md": signal_page(),
        "reference/importers.md": importer_page(),
        "reference/tasks.md": task_page(),
        "reference/analyses.md": analysis_page(),
        **command_pages(),
    }


__all__ = ["option_rows", "pages", "parameter_meanings", "stated_range"]
