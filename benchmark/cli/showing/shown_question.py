"""Lay out a stored question for the terminal. All of it is external text: shown literally."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from rich import box
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ....estimators.signals.batch import TraceTable
from ....estimators.signals.probabilities import softmax
from ...console.escaping import printable
from ...reporting.exploring.shown_answers import answer_span, gold_place, trace_facts
from .stored_question import StoredQuestion

MARKED = ("▶", "◀")
"""Around the answer token, where a terminal shows no colors."""
_NO_PROMPT = "not stored: the answers were imported, or collected by an older version"


def view_of(found: StoredQuestion) -> Iterator[RenderableType]:
    """Yield the parts of the view: question, options, prompt, text, scores, judgements."""
    row, store = found.question, found.store
    title = f"{store.model} on {store.task}: question {row['question_id']} ({row['topic']})"
    yield _panel(title, _text(str(row["question"])))
    yield _options(found)
    yield _panel(_prompt_title(found), _text(found.prompt or _NO_PROMPT))
    if isinstance(found.outcome, TraceTable):
        yield from _trace(found, found.outcome)
    yield _scores(found)
    if found.judgements:
        yield _judgements(found)


def _text(text: str) -> Text:
    return Text(printable(text, lines=True))


def _panel(title: str, body: RenderableType) -> Panel:
    return Panel(body, title=Text(printable(title)), title_align="left", box=box.HORIZONTALS)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"


def _prompt_title(found: StoredQuestion) -> str:
    tokens = int(found.outcome.prompt_tokens[0])
    counted = f", {tokens} tokens" if tokens >= 0 else ""
    return f"prompt as sent{counted}" if found.prompt is not None else "prompt"


def _options(found: StoredQuestion) -> Table:
    outcome, row = found.outcome, found.question
    logprobs = outcome.option_logprobs[0] if outcome.option_logprobs.size else np.array([])
    count = len(found.labels)
    logprobs = np.concatenate([logprobs, np.full(max(0, count - len(logprobs)), np.nan)])[:count]
    shares = softmax(logprobs[None, :])[0] if count else logprobs
    status = outcome.status[0]
    answer = int(outcome.answer[0])
    read = f"; status {status}" if status else ""
    if isinstance(outcome, TraceTable) and outcome.rule[0]:
        read += f", read by {outcome.rule[0]}"
    table = Table(title=Text(f"options{read}"), title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("", "label", "option", "probability", "log-probability"):
        table.add_column(name, overflow="fold")
    texts, gold = list(row.get("options") or []), gold_place(row.get("gold"))
    for place, label in enumerate(found.labels):
        notes = [
            *(["correct"] if place == gold else []),
            *(["answered"] if place == answer else []),
        ]
        option = str(texts[place]) if place < len(texts) else ""
        numbers = (_number(float(shares[place])), _number(float(logprobs[place])))
        table.add_row(*map(_text, (", ".join(notes), label, option, *numbers)))
    return table


def _trace(found: StoredQuestion, trace: TraceTable) -> Iterator[RenderableType]:
    if trace.reasoning[0]:
        yield _panel("reasoning, returned apart", _text(str(trace.reasoning[0])))
    yield _panel("text: " + ", ".join(trace_facts(trace, 0)), _marked(found, trace))


def _marked(found: StoredQuestion, trace: TraceTable) -> Text:
    """Return the text with the answer that was read out of it marked."""
    text = str(trace.text[0] or "")
    options = [str(option) for option in found.question.get("options") or ()]
    manifest, prompt = found.store.manifest, found.prompt or ""
    span = answer_span(manifest, trace, 0, found.labels, options, prompt)
    if span is None:
        return _text(text)
    begin, end = span
    shown = _text(text[:begin])
    shown.append(MARKED[0] + printable(text[begin:end], lines=True) + MARKED[1], "bold")
    return shown.append_text(_text(text[end:]))


def _scores(found: StoredQuestion) -> RenderableType:
    if not found.scores:
        return Text("no scores stored; `apprehend score` computes them")
    stale = " (outdated: `apprehend score` recomputes them)" if found.outdated else ""
    table = Table(title=Text(f"scores{stale}"), title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("estimator", "score", "why there is none"):
        table.add_column(name, overflow="fold")
    for row in found.scores:
        score = row["score"]
        number = "" if score is None else _number(float(score))
        reason = row.get("reason") if not number else None
        table.add_row(*map(_text, (str(row["estimator"]), number, str(reason or ""))))
    return table


def _judgements(found: StoredQuestion) -> Table:
    table = Table(title=Text("judgements"), title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("questionnaire", "judge", "value", "labels", "rating", "reply"):
        table.add_column(name, overflow="fold")
    for judgement in found.judgements:
        row = judgement.row
        labels = ", ".join(str(label) for label in row.labels[0] if label is not None)
        reply = "\n".join(str(t) for t in (row.text[0], row.reason[0]) if t)
        numbers = (_number(float(row.value[0])), labels, _number(float(row.rating[0])))
        cells = (judgement.questionnaire, judgement.judge, *numbers, reply)
        table.add_row(*map(_text, cells))
    return table
