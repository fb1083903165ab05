"""The question view of any multiple-choice task of lm-eval, derived from its own rendering."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ....estimators.signals.batch import Signal
from ....tasks.question_row import Row
from ....tasks.question_view import QuestionView, view
from ....tasks.topics import MAX_OPTIONS, letters, numbers
from ...console.errors import UsageError
from .lettering import WITHOUT_TOKEN, letter_settings
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
from .task_facts import Change, TaskFacts, remembered

if TYPE_CHECKING:
    from lm_eval.api.task import Task

_SAMPLED = 40
"""Documents of a task that are rendered to find out how it asks."""
_LONGEST_LABEL = 8
_ACCURACY = ("acc", "accuracy", "exact_match", "em")
Topic = Callable[[Document], str]


def frozen(task: Task) -> Task:
    """Return a copy of a task that renders as it does now, whatever is set in its configuration."""
    own = copy.copy(task)
    cast(Any, own)._config = copy.copy(task.config)
    return own


def sampled(task: Task) -> list[Document]:
    """Return a few documents of a task, evenly spread."""
    docs = task.eval_docs
    return [docs[index] for index in range(0, len(docs), max(1, len(docs) // _SAMPLED))]


def are_labels(choices: Sequence[Sequence[str]], constant: bool) -> bool:
    """Return whether the choices of a task's documents are labels rather than whole texts.

    Labels are short, and either A, B, … or 1, 2, … (in brackets, say) or, where the task lists
    them once for all documents (``constant``), any words.
    """
    if any(len(choice) > _LONGEST_LABEL for own in choices for choice in own):
        return False
    return constant or all(_are_plain(own) for own in choices)


def _are_plain(choices: Sequence[str]) -> bool:
    bare = [choice.strip("()[]. :") for choice in choices]
    known = (letters(len(bare)), [label.lower() for label in letters(len(bare))])
    return bare in known or bare == numbers(len(bare))


@dataclass(frozen=True)
class Reader:
    """Reads the documents of one lm-eval task by rendering them."""

    task: Task
    topic: Topic
    labels: bool
    fields: OptionFields | None
    several_prompts: bool = False
    """Whether each option makes a prompt of its own, with one continuation (as in WinoGrande)."""

    def text(self, document: Document) -> str:
        """Return the document's prompt, without description and examples."""
        return "" if self.several_prompts else str(self.task.doc_to_text(document))

    def choices(self, document: Document) -> list[str]:
        """Return what lm-eval scores."""
        return [str(choice) for choice in self.task.doc_to_choice(document)]

    def view(self, row: Row) -> QuestionView:
        """Return the question in a document."""
        document = cast(Document, row)
        choices = self.choices(document)
        options = [choice.strip() for choice in choices]
        if self.several_prompts:
            rest = str(self.task.doc_to_target(document))
            options = [f"{choice} {rest}".strip() for choice in options]
            before = "Which of these is right?"
        elif self.fields is not None:
            cut = layout(document, self.text, self.fields, check=False)
            before = self.text(document) if cut is None else cut.before
            options = [option.strip() for option in self.fields.read(document)] or options
        elif self.labels:
            text = self.text(document)
            found = options_in(text, choices)
            before = text[: text.rfind(found[0])] if found else text
            options = found or options
        else:
            before = self.text(document)
        stem = stem_in(before, {} if self.several_prompts else document)
        return view(stem, tuple(options), self.gold(document, choices), self.topic(document))

    def gold(self, document: Document, choices: Sequence[str]) -> tuple[int, ...]:
        """Return the indices of the right options, as lm-eval finds them; none if it finds none."""
        if callable(self.task.get_config("process_results")):
            return self._gold_of_scores(document, len(choices))
        if self.several_prompts:
            target: object = self.task.doc_to_text(document)
        else:
            target = self.task.doc_to_target(document)
        targets = target if isinstance(target, list) else [target]
        places = [
            choices.index(wanted) if isinstance(wanted, str) and wanted in choices else wanted
            for wanted in targets
        ]
        return tuple(p for p in places if isinstance(p, int) and 0 <= p < len(choices))

    def _gold_of_scores(self, document: Document, count: int) -> tuple[int, ...]:
        """Return the options that a task's own scoring accepts when only they are likely.

        Its target may be a mere placeholder, as in ``truthfulqa_mc2``.
        """
        right = []
        for index in range(count):
            replies = [
                (0.0 if other == index else -100.0, other == index) for other in range(count)
            ]
            scores = cast(Any, self.task).process_results(document, replies)
            value = next((scores[name] for name in _ACCURACY if name in scores), None)
            if not isinstance(value, int | float | np.number):
                raise UsageError(
                    f"--tasks: {self.task.get_config('task')} scores {', '.join(scores)}, not "
                    "whether an answer is right"
                )
            if value > 0.5:
                right.append(index)
        return tuple(right)

    def rotated(self, row: Row, shift: int) -> Row:
        """Return the document with option (i + shift) mod K at place i."""
        assert self.fields is not None
        options = self.fields.read(cast(Document, row))
        return cast(Row, self.fields.written(cast(Document, row), _turned(options, shift)))

    def uniform(self, row: Row, text: str) -> Row:
        """Return the document with this text in the place of every option."""
        assert self.fields is not None
        count = len(self.fields.read(cast(Document, row)))
        return cast(Row, self.fields.written(cast(Document, row), [text] * count))

    def restemmed(self, row: Row, change: Change) -> str:
        """Return the document's prompt with another stem."""
        stem = self.view(row).stem
        return self.text(cast(Document, row)).replace(stem, change(stem))


def _turned(options: Sequence[str], shift: int) -> list[str]:
    return [*options[shift:], *options[:shift]]


def choice_facts(
    task: Task, leaf: str, topic: Topic, own_id: Callable[[Row, int], Any], normalization: str
) -> TaskFacts:
    """Return the facts of a task of output type ``multiple_choice``.

    Raises UsageError for a task whose options cannot be asked.
    """
    own = frozen(task)
    documents = sampled(task)
    constant = isinstance(task.get_config("doc_to_choice"), list | dict)
    several = isinstance(own.doc_to_text(documents[0]), int)
    bare = Reader(own, topic, False, None, several)
    choices = [bare.choices(document) for document in documents]
    for listed in choices:
        if not 2 <= len(listed) <= MAX_OPTIONS:
            raise UsageError(
                f"--tasks: {leaf} has a question with {len(listed)} options; expected 2 to "
                f"{MAX_OPTIONS}"
            )
    labels = not several and are_labels(choices, constant)
    fields = None if several else _common_fields(bare, documents, labels)
    reader = Reader(own, topic, labels, fields, several)
    view_of = remembered(reader.view)
    return TaskFacts(
        view=view_of,
        own_id=own_id,
        topic=lambda row: topic(cast(Document, row)),
        choices=lambda row: reader.choices(cast(Document, row)),
        normalization=None if labels else normalization,
        rotated=reader.rotated,
        uniform=reader.uniform,
        restemmed=reader.restemmed,
        our_prompt=lambda prompt: letter_settings(view_of, prompt),
        keeps_description=True,
        refused=_refused(reader, documents),
    )


def _common_fields(
    reader: Reader, documents: Sequence[Document], labels: bool
) -> OptionFields | None:
    """Return the fields that hold the options of all documents; None if there are none."""

    def are_options(document: Document, cut: Layout) -> bool:
        own = reader.choices(document)
        if labels:
            return are_labeled(cut, own)
        return [text.strip() for text in own] == [text.strip() for text in cut.options]

    fields = find_fields(documents[0], reader.text, are_options)
    if fields is None:
        return None
    cuts = [layout(document, reader.text, fields) for document in documents]
    agree = (
        cut is not None and are_options(d, cut) for d, cut in zip(documents, cuts, strict=True)
    )
    return fields if all(agree) else None


def _refused(reader: Reader, documents: Sequence[Document]) -> Mapping[str, str]:
    refused = {} if reader.labels else dict(WITHOUT_TOKEN)
    if reader.fields is None:
        shown = reader.labels and len(options_in(reader.text(documents[0]), ["A", "B"])) > 1
        refused[Signal.PERMUTED_ANSWERS.value] = (
            "its options stand in the prompt, but in no field of its documents"
            if shown
            else "its prompt does not list the options"
        )
    elif not reader.labels and not _follows(reader, documents):
        refused[Signal.PERMUTED_ANSWERS.value] = "its choices do not follow the fields it shows"
    if not _has_stem(reader, documents):
        for variant in ("no_stem", "shuffled_stem", "content_free"):
            refused[f"{Signal.PROMPTED_ANSWERS} {variant}"] = "its question has no text of its own"
    if not reader.labels or reader.fields is None:
        why = "its options cannot be replaced in the prompt, or have no ids"
        refused[f"{Signal.PROMPTED_ANSWERS} content_free"] = why
    return refused


def _follows(reader: Reader, documents: Sequence[Document]) -> bool:
    """Return whether whole-text choices change their order with the fields that hold them."""
    return all(
        reader.choices(cast(Document, reader.rotated(cast(Row, document), 1)))
        == _turned(reader.choices(document), 1)
        for document in documents
    )


def _has_stem(reader: Reader, documents: Sequence[Document]) -> bool:
    if reader.several_prompts:
        return False
    return all(
        (stem := reader.view(cast(Row, document)).stem) and stem in reader.text(document)
        for document in documents
    )
