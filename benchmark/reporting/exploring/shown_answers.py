"""How a stored answer is shown, in the terminal and in the page: labels, facts, what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ....estimators.signals.batch import AnswerTable, Status, TraceTable
from ....estimators.signals.tables import IntArray, ObjectArray
from ....tasks.mmlu_pro import STYLES
from ....tasks.reading.extraction import DEFAULT, EXTRACTIONS, read_answer
from ....tasks.topics import LETTERS
from ...store.contract import lookup
from ...store.task_store import TaskStore


def labels_of(store: TaskStore, count: int) -> list[str]:
    """Return the labels of the first ``count`` options, as the store's task calls them."""
    named = [name for name in STYLES if store.task.endswith(name.removeprefix("mmlu_pro"))]
    style = STYLES[max(named, key=len)] if named else None
    return style.labels(count) if style is not None else list(LETTERS[:count])


def gold_place(letter: object) -> int:
    """Return the place of the right option, which the store names by a letter; -1 if unknown."""
    return LETTERS.index(letter) if isinstance(letter, str) and letter in LETTERS else -1


def option_counts(
    stored: Sequence[object], gold: IntArray, outcome: AnswerTable | TraceTable
) -> IntArray:
    """Return the (n,) numbers of options, as far as questions and answers tell.

    Args:
        stored: The questions' own numbers; None or -1 where an import does not know them.
        gold: (n,) places of the right options, -1 if unknown.
        outcome: The answers.
    """
    own = np.array([n if isinstance(n, int) else 0 for n in stored], dtype=np.int64)
    known = ~np.isnan(outcome.option_logprobs)
    places = np.arange(1, known.shape[1] + 1)
    scored = (known * places).max(axis=1, initial=0)
    counts: IntArray = np.maximum.reduce([own, scored, gold + 1, outcome.answer + 1])
    return counts


def trace_facts(trace: TraceTable, row: int) -> list[str]:
    """Return what is known of a text and its tokens, in a few words each."""
    count = token_count(trace, row)
    begins, place = int(trace.answer_start[row]), int(trace.answer_position[row])
    facts = [f"{count} tokens"] if count else ["no tokens stored"]
    if missing := text_at(trace.tokens_missing, row):
        facts[0] += f" ({missing})"
    if begins > 0:
        facts.append(f"the answer begins at token {begins}")
    if place >= 0:
        facts.append(f"the answer token is number {place}")
        entropies = trace.token_entropies[row] if trace.token_entropies.size else np.array([])
        if place < len(entropies) and not np.isnan(entropies[place]):
            facts.append(f"its entropy {entropies[place]:.4g} nats")
    if trace.finished[row] == 0:
        facts.append("cut by the token limit")
    if trace.thought_closed[row] == 1:
        facts.append("its thought was closed by the budget")
    return facts


def text_at(column: ObjectArray, row: int) -> str | None:
    """Return the text in a row of a column; None where there is none."""
    value: object = column[row]
    return None if value is None else str(value)


def token_count(trace: TraceTable, row: int) -> int:
    """Return the number of tokens of a text whose log-probabilities are stored."""
    return int((~np.isnan(trace.token_logprobs[row])).sum()) if trace.token_logprobs.size else 0


def answer_span(
    manifest: Mapping[str, object],
    trace: TraceTable,
    row: int,
    labels: Sequence[str],
    options: Sequence[str],
    prompt: str,
) -> tuple[int, int] | None:
    """Return where in a text its answer was read: the first character, and the one behind.

    None where none was, or where today's rules read another one than is stored.
    """
    text = text_at(trace.text, row) or ""
    extraction = str(lookup(manifest, "task.extraction", DEFAULT))
    if (
        extraction not in EXTRACTIONS
        or text_at(trace.status, row) == Status.CUT_WHILE_THINKING.value
    ):
        return None
    read = read_answer(text, labels, options, extraction, prompt)
    if read is None or read.index != trace.answer[row]:
        return None
    return read.start, read.end
