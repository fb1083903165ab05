"""Few-shot examples that depend on the question alone, never on which questions are asked.

lm-eval draws examples in the order of the questions, so that a run that is resumed, or a probe,
would show other examples than the first pass. Here question i always gets the examples that lm-eval
draws for it in a run over all questions with the same seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol, cast

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

    def __init__(self, inner: Sampler, documents: Dataset) -> None:
        self._inner = inner
        self._documents = documents
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
            own = None if eval_doc is None else self._documents[len(self._drawn)]
            self._drawn.append(self._inner.sample(n, eval_doc=own))
        return self._drawn[index]


def steady_examples(task: Task) -> None:
    """Let a task show the same examples of a question in every prompt of it."""
    inner = cast(Any, task)
    inner.sampler = SteadyExamples(inner.sampler, task.eval_docs)


def asking(task: Task, indices: Sequence[int]) -> None:
    """Say which questions of a task the next prompts belong to."""
    sampler = getattr(task, "sampler", None)
    if isinstance(sampler, SteadyExamples):
        sampler.asking(indices)
