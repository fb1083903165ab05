"""The lm-eval model around an engine.

lm-eval builds the requests and scores the answers. This class turns the requests of a question
into one call of the engine, replies to lm-eval by its contract, and passes one record per
question to a sink.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from ....estimators.signals.batch import Signal, Status
from ....tasks.question_row import Row as QuestionRow
from ....tasks.reading import extraction as extractions
from ....tasks.reading.answer_types import ReadAnswer
from ...engines.shared.engine import Answer, ChoicePrompt, Engine, Extras, Failed, Generation
from ...store.derivation import DERIVED_FROM, mark
from ...store.failures import QuestionId
from ...store.stored_rows import Row
from .finished_texts import FinishedTexts
from .forcing_answers import forced_record, forcing_of
from .generation_settings import GenerationSettings
from .seeds import question_seed

Sink = Callable[[Signal, list[Row]], None]
"""Stores the rows of one signal for one batch of questions."""

ItemT = TypeVar("ItemT")
UNANSWERED = (-1e9, False)
"""The reply to lm-eval for each option of a failed question. lm-eval's own scores are not used, but
it warns of numbers that are not finite."""


@dataclass(frozen=True)
class TaskFacts:
    """How to read a task's rows: the right option, the labels, their number, and the id."""

    gold: Callable[[QuestionRow], int]
    labels: Callable[[QuestionRow], list[str]]
    option_count: Callable[[QuestionRow], int]
    question_id: Callable[[QuestionRow, int], QuestionId]
    options: Callable[[QuestionRow], Sequence[str]] = lambda row: ()
    """The options' texts, where they are known."""

    def read(
        self, generation: Generation, row: QuestionRow, extraction: str
    ) -> tuple[ReadAnswer | None, int, list[float] | None]:
        """Read the answer of a generated text.

        Returns:
            The answer, the position of its token (-1 if unknown), and the labels'
            log-probabilities there.
        """
        labels = self.labels(row)
        start = generation.answer_start
        answer = None
        if start is not None:
            answer = extractions.read_answer(
                generation.text, labels, self.options(row), extraction, start=start
            )
        position = -1 if answer is None else generation.token_at(answer.start)
        known = generation.label_logprobs(position, labels) if position >= 0 else None
        return answer, position, known


class Step:
    """The adaptive number of questions per batch of engine and store.

    Large enough to fill the engine's batches, small enough that a part is stored every few seconds.
    """

    FEWEST, MOST, SECONDS = 8, 1024, 5.0

    def __init__(self, first: int = 64) -> None:
        self._size = first

    def split(self, items: list[ItemT]) -> Iterator[list[ItemT]]:
        """Yield consecutive batches of ``items``, sized by how long the last one took."""
        start = 0
        while start < len(items):
            size = self._size
            began = time.monotonic()
            yield items[start : start + size]
            start += size
            per_item = max(time.monotonic() - began, 1e-6) / size
            wanted = int(self.SECONDS / per_item)
            self._size = max(self.FEWEST, min(self.MOST, wanted, 2 * size))


@dataclass(frozen=True)
class Writing:
    """What is done while texts are generated."""

    force_answers: bool = False
    """Whether the engine forces each text's answer, which is stored with it."""
    stop_loops: bool = False
    """Whether a text that repeats itself is ended."""
    count_tokens: Callable[[int], None] = lambda tokens: None
    """Is told how many tokens have been generated since the last call."""


PLAIN = Writing()


class UncertaintyLM(LM):
    """An lm-eval model around an engine; one batch of questions at a time goes to the sink."""

    def __init__(
        self,
        engine: Engine,
        facts: Mapping[str, TaskFacts],
        sink: Sink,
        step: Step | None = None,
        extraction: str = extractions.DEFAULT,
        writing: Writing = PLAIN,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._writing = writing
        self.engine = engine
        self._facts = facts
        self._sink = sink
        self._step = step or Step()
        self._extraction = extraction
        self._seed = seed

    @property
    def tokenizer_name(self) -> str:
        """Return lm-eval's name of the tokenizer."""
        return str(self.engine.tokenizer_name)

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Return the chat template's text."""
        return self.engine.chat_template(chat_template)

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Render messages into a prompt by the model's chat template."""
        return str(self.engine.chat(chat_history, add_generation_prompt))

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Return each continuation's log-probability, and whether greedy decoding generates it."""
        questions = [
            list(group) for _, group in groupby(requests, key=lambda r: (r.task_name, r.doc_id))
        ]
        replies: list[tuple[float, bool]] = []
        for batch in self._step.split(questions):
            prompts = [self._choice_prompt(question) for question in batch]
            self._store_prompts([question[0] for question in batch])
            answers = self.engine.score(prompts)
            for question, answer in zip(batch, answers, strict=True):
                if isinstance(answer, Failed):
                    replies += [UNANSWERED] * len(question)
                    continue
                replies += list(zip(answer.scored_logprobs, answer.is_greedy, strict=True))
                assert len(question) == len(answer.scored_logprobs)
            rows = [self._answer_row(q, a) for q, a in zip(batch, answers, strict=True)]
            self._sink(Signal.ANSWER, rows)
        return replies

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return each prompt's continuation, cut before the first stop text of its answer.

        It is greedy unless the settings sample: then it has a seed of its own. An engine that
        gives its texts one by one gets all prompts at once, and each text is stored within
        seconds; of another one, batch after batch is stored.
        """
        texts: list[str] = []
        for _, same in groupby(requests, key=lambda r: repr(r.args[1])):
            every = list(same)
            for batch in [every] if self.engine.streams else self._step.split(every):
                texts += self._generate(batch)
        return texts

    def _generate(self, batch: Sequence[Instance]) -> list[str]:
        """Generate and store the texts of requests with the same settings."""
        settings = GenerationSettings.of(batch[0].args[1])
        self._store_prompts(batch)

        def store(texts: Sequence[tuple[int, Generation | Failed]]) -> None:
            rows = [self._trace_row(batch[number], text) for number, text in texts]
            self._sink(Signal.TRACE, rows)
            if self._writing.force_answers:
                self._sink(Signal.FORCED_ANSWERS, list(_forced_rows(rows, texts)))

        forcings = None
        if self._writing.force_answers:
            forcings = [
                forcing_of(r.args[0], self._facts[r.task_name].labels(r.doc)) for r in batch
            ]
        watch = FinishedTexts(store, self._writing.count_tokens)
        try:
            generations = self.engine.generate(
                [request.args[0] for request in batch],
                settings.most,
                settings.until,
                settings.sampling([self._seed_of(request) for request in batch]),
                Extras(forcings, watch, self._writing.stop_loops),
            )
            for number, generation in enumerate(generations):
                if number not in watch.stored:
                    watch.finished(number, [generation])
        finally:
            watch.flush()
        return [g.text if isinstance(g, Generation) else "" for g in generations]

    def _store_prompts(self, requests: Sequence[Instance]) -> None:
        rows: list[Row] = [
            (self._id_of(request), {"text": request.args[0]}) for request in requests
        ]
        self._sink(Signal.PROMPT, rows)

    def _id_of(self, request: Instance) -> QuestionId:
        return self._facts[request.task_name].question_id(request.doc, request.doc_id)

    def _seed_of(self, request: Instance) -> int:
        return question_seed(self._id_of(request), self._seed, "trace", 0)

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Raise NotImplementedError: multiple-choice tasks do not request it."""
        raise NotImplementedError("apprehend scores multiple-choice and generative tasks only")

    def _choice_prompt(self, question: Sequence[Instance]) -> ChoicePrompt:
        facts, doc = self._facts[question[0].task_name], question[0].doc
        return ChoicePrompt(
            context=question[0].args[0],
            continuations=tuple(request.args[1] for request in question),
            option_count=facts.option_count(doc),
        )

    def _answer_row(self, question: Sequence[Instance], answer: Answer | Failed) -> Row:
        facts, doc = self._facts[question[0].task_name], question[0].doc
        question_id = facts.question_id(doc, question[0].doc_id)
        if isinstance(answer, Failed):
            return question_id, answer
        count = facts.option_count(doc)
        best = int(np.argmax(answer.scored_logprobs))
        if answer.greedy_label is None:
            status = Status.UNPARSED
        else:
            status = Status.DONT_KNOW if answer.greedy_label >= count else Status.PARSED
        if best >= count:
            status = Status.DONT_KNOW
        return question_id, {
            "option_logprobs": answer.label_logprobs[:count],
            "scored_logprobs": answer.scored_logprobs[:count],
            "dont_know_logprob": answer.label_logprobs[count]
            if len(answer.label_logprobs) > count
            else math.nan,
            "entropy": answer.entropy,
            "post_answer_entropy": answer.post_answer_entropy,
            "top_logprobs": answer.top_logprobs,
            "missing_mass": answer.missing_mass,
            "answer": best if best < count else None,
            "status": status.value,
            "correct": int(best == facts.gold(doc)),
            "prompt_tokens": answer.prompt_tokens,
        }

    def _trace_row(self, request: Instance, generation: Generation | Failed) -> Row:
        facts, doc = self._facts[request.task_name], request.doc
        question_id = facts.question_id(doc, request.doc_id)
        if isinstance(generation, Failed):
            return question_id, generation
        answer, position, known = facts.read(generation, doc, self._extraction)
        status = Status.UNPARSED if answer is None else Status.PARSED
        if generation.answer_start is None:
            status = Status.CUT_WHILE_THINKING
        begins = generation.answer_token
        return question_id, {
            "text": generation.text,
            "token_logprobs": generation.token_logprobs,
            "token_entropies": generation.token_entropies,
            "token_top_logprobs": generation.token_top_logprobs,
            "token_uniform_kl": generation.token_uniform_kl,
            "answer_position": position if position >= 0 else None,
            "option_logprobs": known,
            "answer": None if answer is None else answer.index,
            "rule": None if answer is None else answer.rule.value,
            "status": status.value,
            "correct": int(answer is not None and answer.index == facts.gold(doc)),
            "prompt_tokens": generation.prompt_tokens,
            "finished": int(generation.finished),
            "looped": None if generation.loop_start is None else int(generation.loop_start >= 0),
            "loop_start": generation.loop_start,
            "answer_start": begins if begins >= 0 and generation.tokens_missing is None else None,
            "reasoning": generation.reasoning,
            "thought_closed": int(generation.thought_closed),
            "tokens_missing": generation.tokens_missing,
        }


def _forced_rows(
    rows: Sequence[Row], texts: Sequence[tuple[int, Generation | Failed]]
) -> Iterator[Row]:
    """Yield the forced answers of texts, with the marks of their traces' rows."""
    for (question, record), (_, text) in zip(rows, texts, strict=True):
        if isinstance(record, Failed) or isinstance(text, Failed) or not text.forced:
            continue
        own = mark(record["option_logprobs"], record["answer"], record["text"])
        yield question, {**forced_record(text.forced, cached=True), DERIVED_FROM: own}
