"""Turn the rows of a table into questions, or refuse them with file, row and column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..files.cells import is_blank
from ..files.table_reader import FileTable
from .column_cells import text_of
from .column_map import ColumnMap
from .preset import Preset
from .reading_options import Options
from .right_options import read_right_options
from .rows_left import RowsLeft, named_places, read_all_options, read_ids, read_texts

NO_TOPIC = "general knowledge"
"""The topic of all questions of a file that has none."""
SUSPICIOUS = 20
"""Number of questions whose right options are hardly at the same place by chance."""


@dataclass(frozen=True)
class OwnQuestion:
    """A question of a data set of one's own.

    Attributes:
        question_id: Its id, as text.
        question: The question, with the passage before it if there is one.
        options: 2 to 25 texts.
        answer: Index of the right one.
        topic: Its topic.
        source: Where it comes from, if known.
        explanation: A chain of thought, if known.
        place: Where it stands in the file.
    """

    question_id: str
    question: str
    options: Sequence[str]
    answer: int
    topic: str
    source: str | None
    explanation: str | None
    place: str


@dataclass(frozen=True)
class Built:
    """Questions, why others are left out → their places, and what was noticed."""

    questions: Sequence[OwnQuestion]
    left_out: Mapping[str, Sequence[str]]
    notes: Sequence[str]


def build_questions(
    table: FileTable, columns: Mapping[str, str], preset: Preset | None, given: ColumnMap
) -> Built:
    """Build the questions of a table.

    Args:
        table: The table.
        columns: Field → column.
        preset: Its schema, if known.
        given: What the user said of the columns.

    Raises:
        DataError: a row is no question, or no row is one.
    """
    rows = RowsLeft(table, columns, given.skips)
    if preset is not None:
        why_not = preset.left_out
        rows.leave_out(lambda row: why_not(table.rows[row]))
    ids = read_ids(rows)
    texts = read_texts(rows)
    options = read_all_options(rows, texts)
    golds = read_right_options(rows, options, preset, given)
    shuffled = "incorrect" in columns or (
        preset is not None and preset.shuffled and "options" not in given.columns
    )
    sources, explanations = rows.cells("source"), rows.cells("explanation")
    questions = []
    for row, topic in _topics(rows).items():
        question = OwnQuestion(
            ids[row],
            texts[row],
            options[row].texts,
            golds[row],
            topic,
            None if is_blank(sources[row]) else text_of(sources[row]),
            text_of(explanations[row]),
            table.places[row],
        )
        seed = ids[row] if "id" in columns else texts[row]
        questions.append(shuffle(question, seed) if shuffled else question)
    if not questions:
        raise rows.none_left()
    notes = [*rows.notes, *_option_notes(options.values()), *_question_notes(questions)]
    return Built(questions, rows.left_out, notes)


def shuffle(question: OwnQuestion, seed: str) -> OwnQuestion:
    """Put the options into an order that depends on the seed alone."""

    def key(place: int) -> bytes:
        return hashlib.sha256(f"{seed}\n{place}".encode()).digest()

    order = sorted(range(len(question.options)), key=key)
    options = [question.options[place] for place in order]
    return replace(question, options=options, answer=order.index(question.answer))


def _topics(rows: RowsLeft) -> dict[int, str]:
    cells = rows.cells("topic")
    if "topic" not in rows.columns:
        return dict.fromkeys(rows.kept, NO_TOPIC)
    found: dict[int, str] = {}
    for row in rows.kept:
        topic = (text_of(cells[row]) or "").strip()
        if topic:
            found[row] = topic
        else:
            rows.refuse(row, "topic", f"expected a topic, got {cells[row]!r:.40}")
    return found


def _option_notes(options: Iterable[Options]) -> list[str]:
    listed = list(options)
    padded = sum(1 for one in listed if one.padded)
    lettered = sum(1 for one in listed if one.lettered)
    notes = []
    if padded:
        notes.append(f"questions that end in places without an option (empty or N/A): {padded}")
    if lettered:
        notes.append(f"questions whose options began with their letter, now taken off: {lettered}")
    return notes


def _question_notes(questions: Sequence[OwnQuestion]) -> list[str]:
    first: dict[str, str] = {}
    again = [q.place for q in questions if first.setdefault(q.question, q.place) != q.place]
    same = [q.place for q in questions if len(set(q.options)) < len(q.options)]
    notes = []
    if again:
        notes.append(f"questions with an earlier one's text: {len(again)} ({named_places(again)})")
    places = {question.answer for question in questions}
    if len(places) == 1 and len(questions) >= SUSPICIOUS:
        letter = chr(ord("A") + places.pop())
        notes.append(f"the right option is {letter} in all {len(questions)} questions: is it so?")
    if same:
        notes.append(f"questions with an option twice: {len(same)} ({named_places(same)})")
    return notes
