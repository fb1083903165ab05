"""What a run needs to know of a task: the view of its questions, and how to change and read them.

Whoever asks, perturbs or judges takes it from here, and knows no style of prompt and no schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ....estimators.signals.batch import Signal
from ....tasks.prompting import Prompt
from ....tasks.question_row import Row
from ....tasks.question_view import QuestionView
from ....tasks.reading import extraction as extractions
from ....tasks.reading.answer_types import ReadAnswer, as_filtered
from ...engines.shared.engine import Generation
from ...store.failures import QuestionId

Change = Callable[[str], str]
"""Maps a stem to another one."""
ANSWER_TOKEN_COLUMNS = ("entropy", "post_answer_entropy", "top_logprobs", "missing_mass")


_REMEMBERED = 4096
"""Views that are kept: rendering a document takes milliseconds, and a question needs several."""


def remembered(view: Callable[[Row], QuestionView]) -> Callable[[Row], QuestionView]:
    """Return the same function, which renders a document that it has seen lately only once."""
    known: dict[str, QuestionView] = {}

    def seen(row: Row) -> QuestionView:
        key = repr(row)
        if key not in known:
            if len(known) >= _REMEMBERED:
                known.clear()
            known[key] = view(row)
        return known[key]

    return seen


def _unchanged(row: Row, shift: int) -> Row:
    raise NotImplementedError("this task's options have one order")


def _fixed(row: Row, text: str) -> Row:
    raise NotImplementedError("this task's options cannot be replaced")


@dataclass(frozen=True)
class TaskFacts:
    """How to read and change a task's documents."""

    view: Callable[[Row], QuestionView]
    """The question in a document, without its id."""
    own_id: Callable[[Row, int], QuestionId]
    """The id of a document at an index."""
    topic: Callable[[Row], str] = lambda row: str(row.get("category") or "")
    """The topic of a document."""
    choices: Callable[[Row], Sequence[str]] | None = None
    """The texts that lm-eval scores after the prompt; None: the view's labels."""
    normalization: str | None = None
    """How the log-likelihoods of options that are whole texts are normalized; None for labels."""
    rotated: Callable[[Row, int], Row] = _unchanged
    """(document, shift) → the document with option (i + shift) mod K at place i."""
    uniform: Callable[[Row, str], Row] = _fixed
    """(document, text) → the document with this text in the place of every option."""
    restemmed: Callable[[Row, Change], str] | None = None
    """(document, change) → the prompt's last turn with a changed stem."""
    our_prompt: Callable[[Prompt], Mapping[str, object]] | None = None
    """Settings that make the task ask by a prompt template of our own, and so its examples; None
    where only the last turn is reworded, by ``reworded``."""
    reworded: Callable[[Row, Prompt], str] | None = None
    """(document, prompt template) → the prompt's last turn in other words."""
    keeps_description: bool = False
    """Whether the task's own description stays behind an instruction of ours."""
    read_filtered: Callable[[str, Row], int | None] | None = None
    """The answer that the task's own filter reads in a text; None for the named extraction."""
    filter_name: str | None = None
    """The name of that filter."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Signal, or signal and variant, that the task cannot give → why not."""

    def why_not(self, signal: Signal, variant: str = "") -> str | None:
        """Return why the task cannot give a signal in a variant; None if it can."""
        return self.refused.get(signal.value) or self.refused.get(f"{signal.value} {variant}")

    @property
    def lacks(self) -> dict[str, dict[str, str]]:
        """Return the columns that stay empty whatever the engine is, and why, as in a manifest."""
        if self.normalization is None:
            return {}
        why = "options are whole texts, without one answer token (--as_letters asks for a letter)"
        return {Signal.ANSWER.value: dict.fromkeys(ANSWER_TOKEN_COLUMNS, why)}

    def scored(self, row: Row) -> Sequence[str]:
        """Return the options as lm-eval scores them."""
        own = self.choices
        return self.view(row).labels if own is None else own(row)[: self.option_count(row)]

    def option_count(self, row: Row) -> int:
        """Return the number of options."""
        return len(self.view(row).options)

    def is_right(self, row: Row, index: int) -> bool:
        """Return whether an option is right (one of the right ones)."""
        return index in self.view(row).gold

    def read(
        self, generation: Generation, row: Row, extraction: str
    ) -> tuple[ReadAnswer | None, int, list[float] | None]:
        """Read the answer of a generated text.

        Returns:
            The answer, the position of its token (-1 if unknown), and the labels'
            log-probabilities there.
        """
        question = self.view(row)
        own = self.read_filtered if extraction == extractions.DEFAULT else None
        start = generation.answer_start
        answer = None
        if start is not None:
            answer = extractions.read_answer(
                generation.text, question.labels, question.options, extraction, start=start
            )
        if own is not None and start is not None:
            answer = as_filtered(own(generation.answer_text, row), answer)
        position = -1 if answer is None else generation.token_at(answer.start)
        known = generation.label_logprobs(position, question.labels) if position >= 0 else None
        return answer, position, known
