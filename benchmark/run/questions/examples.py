"""Few-shot examples that depend on the question alone, never on which questions are asked.

lm-eval draws examples in the order of the questions, so that a run that is resumed, or a probe,
would show other examples than the first pass. Here question i always gets the examples that lm-eval
draws for it in a run over all questions with the same seed. A question that is drawn as an example
of its own is replaced: lm-eval leaves it out only where examples and questions are of one split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol, cast

from ...console.errors import UsageError
from ...console.options import say

if TYPE_CHECKING:
    from datasets import Dataset
    from lm_eval.api.task import Task

Document = Mapping[str, object]


class Sampler(Protocol):
    """The methods of lm-eval's samplers."""

    def sample(self, n: int, eval_doc: Document | None = None) -> Sequence[Document]: ...
    def set_rnd(self, rnd: int | None) -> object: ...


class SteadyExamples:
    """Stands in for a task's sampler; `asking` says which questions the next prompts belong to."""

    def __init__(self, inner: Sampler, task: Task) -> None:
        self._inner = inner
        self._task = task
        self._documents: Dataset = task.eval_docs
        self._said = False
        self._drawn: list[Sequence[Document]] = []
        self._asked: Iterator[int] = iter(())

    def asking(self, indices: Sequence[int]) -> None:
        """Prepare for one prompt per index, in this order; for a single index, for any number."""
        self._asked = repeat(indices[0]) if len(indices) == 1 else iter(indices)

    def set_rnd(self, rnd: int | None) -> SteadyExamples:
        """Start the draws over, with a seed."""
        self._inner.set_rnd(rnd)
        self._drawn = []
        return self

    def sample(
        self, n: int, eval_doc: Document | None = None, **more: object
    ) -> Sequence[Document]:
        """Return the examples of the question that is asked, which is never one of them."""
        index = next(self._asked)
        while len(self._drawn) <= index:
            own = self._documents[len(self._drawn)]
            drawn = self._inner.sample(n, eval_doc=None if eval_doc is None else own)
            self._drawn.append(self._without(own, drawn))
        return self._drawn[index]

    def _without(self, question: Document, drawn: Sequence[Document]) -> Sequence[Document]:
        """Return the examples with others, the first there are, for those that are the question."""
        asked = _shown(self._task, question)
        kept = [example for example in drawn if _shown(self._task, example) != asked]
        if asked is None or len(kept) == len(drawn):
            return drawn
        name = self._task.config.task
        if not self._said:
            self._said = True
            say(
                f"few-shot: questions of {name} are among its examples; each is left out of its own"
            )
        for example in self._task.fewshot_docs() or ():
            if len(kept) == len(drawn):
                break
            if example not in kept and _shown(self._task, example) != asked:
                kept.append(example)
        if len(kept) < len(drawn):
            raise UsageError(
                f"--num_fewshot {len(drawn)}: task {name} has {len(kept)} examples for question "
                f"{len(self._drawn)}, which is one of them itself; give others with --fewshot_data"
            )
        return kept


def _shown(task: Task, document: Document) -> tuple[str, ...] | None:
    """Return what a prompt shows of a question, options in any order; None if it shows nothing."""
    inner = cast(Any, task)
    options: Sequence[object] = ()
    try:
        text = inner.doc_to_text(document)
        if inner.config.doc_to_choice is not None:
            options = inner.doc_to_choice(document)
    except Exception:  # whatever a task's code raises on an example of another form
        return None
    return (str(text).strip(), *sorted(str(option).strip() for option in options))


def steady_examples(task: Task) -> None:
    """Let a task show the same examples of a question in every prompt of it."""
    inner = cast(Any, task)
    inner.sampler = SteadyExamples(inner.sampler, task)


def asking(task: Task, indices: Sequence[int]) -> None:
    """Say which questions of a task the next prompts belong to."""
    sampler = getattr(task, "sampler", None)
    if isinstance(sampler, SteadyExamples):
        sampler.asking(indices)
