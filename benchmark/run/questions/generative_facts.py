"""The question view of multiple-choice tasks of lm-eval that are answered in a generated text.

The task is asked as it is, and its own filter reads the answer. Options are found in its documents
as those of other tasks; its target names the right one by letter, number or text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ....tasks.question_row import Row
from ....tasks.question_view import QuestionView, view
from ....tasks.topics import MAX_OPTIONS, letters
from ...console.errors import UsageError
from .lettering import letter_settings
from .lm_eval_facts import Topic, frozen, sampled
from .option_fields import (
    Document,
    Layout,
    OptionFields,
    are_labeled,
    find_fields,
    layout,
    options_in,
    stem_in,
)
from .task_facts import TaskFacts, remembered

if TYPE_CHECKING:
    from lm_eval.api.task import Task

_LETTER = re.compile(r"[\s(\[*]*([A-Za-z])(?:[)\].:*\s]|$)")


def named_option(text: object, options: Sequence[str]) -> int | None:
    """Return the option that a target or a filtered answer names: a letter, or its whole text."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text if 0 <= text < len(options) else None
    if not isinstance(text, str):
        return None
    stripped = text.strip()
    if stripped in options:
        return list(options).index(stripped)
    known = letters(len(options))
    match = _LETTER.match(stripped)
    if match is None or match[1].upper() not in known:
        return None
    # "A" or "(A)", perhaps with the option's text behind it; but no other word or sentence.
    rest = stripped[match.end() :].strip(" ().:*]")
    index = known.index(match[1].upper())
    return index if not rest or rest == options[index] else None


@dataclass(frozen=True)
class GenerativeReader:
    """Reads the documents of one generative multiple-choice task."""

    task: Task
    topic: Topic
    fields: OptionFields | None

    def text(self, document: Document) -> str:
        """Return the document's prompt, without description and examples."""
        return str(self.task.doc_to_text(document))

    def parts(self, document: Document) -> tuple[str, list[str]]:
        """Return the prompt before the options, and the options; none if they are not found."""
        if self.fields is not None:
            cut = layout(document, self.text, self.fields, check=False)
            if cut is not None:
                return cut.before, [option.strip() for option in cut.options]
        text = self.text(document)
        for count in range(MAX_OPTIONS, 1, -1):
            found = options_in(text, letters(count))
            if found:
                return text[: text.rfind(found[0])], found
        return text, []

    def view(self, row: Row) -> QuestionView:
        """Return the question in a document."""
        document = cast(Document, row)
        before, options = self.parts(document)
        gold = named_option(self.target(document), options)
        right = () if gold is None else (gold,)
        return view(stem_in(before, document), tuple(options), right, self.topic(document))

    def target(self, document: Document) -> object:
        """Return what the task compares the filtered answer with."""
        target = self.task.doc_to_target(document)
        if self.task.get_config("doc_to_choice") is not None and isinstance(target, int):
            return self.task.doc_to_choice(document)[target]
        return target

    def filtered(self, text: str, row: Row) -> int | None:
        """Return the option that the task's first filter reads in a text; None for none."""
        from lm_eval.api.instance import Instance

        instance: Any = Instance("generate_until", row, ("", {}), 0, (self.name, 0, 1))
        instance.resps = [text]
        first = cast(Any, self.task)._filters[0]
        first.apply([instance])
        read = instance.filtered_resps[first.name]
        while isinstance(read, list | tuple) and read:
            read = read[0]
        return named_option(read, self.view(row).options)

    @property
    def name(self) -> str:
        """Return the task's name."""
        return str(self.task.get_config("task"))

    @property
    def filter_name(self) -> str:
        """Return the name of the filter that reads answers."""
        return str(cast(Any, self.task)._filters[0].name)


def _are_lettered(document: Document, cut: Layout) -> bool:
    return are_labeled(cut, letters(len(cut.options)))


def generative_facts(
    task: Task, leaf: str, topic: Topic, own_id: Callable[[Row, int], Any]
) -> TaskFacts:
    """Return the facts of a task of output type ``generate_until``.

    Raises UsageError if its documents hold no options, or if a target names none of them.
    """
    own = frozen(task)
    documents = sampled(task)
    bare = GenerativeReader(own, topic, None)
    found = find_fields(documents[0], bare.text, _are_lettered)
    if found is not None:
        cuts = [layout(document, bare.text, found) for document in documents]
        if any(cut is None or not _are_lettered({}, cut) for cut in cuts):
            found = None
    reader = GenerativeReader(own, topic, found)
    for document in documents:
        question = reader.view(cast(Row, document))
        if len(question.options) < 2 or not question.gold:
            raise UsageError(
                f"--tasks: {leaf} is answered in a generated text, and "
                + (
                    f"its target {reader.target(document)!r:.60} names none of the options"
                    if len(question.options) > 1
                    else "no lettered options stand in its prompt"
                )
                + "; of such tasks, apprehend supports multiple choice only"
            )
    view_of = remembered(reader.view)
    return TaskFacts(
        view=view_of,
        own_id=own_id,
        topic=lambda row: topic(cast(Document, row)),
        our_prompt=lambda prompt: letter_settings(view_of, prompt),
        keeps_description=True,
        read_filtered=reader.filtered,
        filter_name=reader.filter_name,
    )
