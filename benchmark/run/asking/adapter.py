"""The lm-eval model around an engine.

lm-eval builds the requests and scores the answers. This class turns the requests of a question
into one call of the engine, replies to lm-eval by its contract, and passes one record per
question to a sink.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from ....estimators.signals.batch import Signal, Status
from ....tasks.reading import extraction as extractions
from ...engines.shared.engine import Answer, Engine, Extras, Failed, Generation
from ...store.failures import QuestionId
from ...store.stored_rows import Row
from ..questions.option_scores import prompts_of, scores_of
from ..questions.task_facts import TaskFacts
from .finished_texts import FinishedTexts
from .forcing_answers import forced_rows, forcing_of
from .generation_settings import GenerationSettings
from .inside_records import Shown, inside_rows, parts_of
from .lm_eval_replies import replies_to
from .seeds import question_seed

Sink = Callable[[Signal, list[Row]], None]
"""Stores the rows of one signal for one batch of questions."""

ItemT = TypeVar("ItemT")


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
    inside: Collection[Signal] = ()
    """Signals of the model's inside that are collected in the pass that answers."""
    layers: Sequence[str] = ()
    """Layers whose states are stored beside the hidden state."""
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
        self.asked: Mapping[str, Sequence[int]] = {}
        """Task → the indices of the documents that lm-eval is told to ask, in its order."""

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
            self._store_prompts([question[0] for question in batch])
            own = [
                prompts_of(question, facts.option_count(question[0].doc), facts.normalization)
                for question in batch
                for facts in [self._facts[question[0].task_name]]
            ]
            prompts_of_all = [prompt for prompts in own for prompt in prompts]
            also = self._writing
            show = parts_of(also.inside, also.layers)
            scored = iter(self.engine.score(prompts_of_all, show=show))
            rows: list[Row] = []
            shown: list[Shown] = []
            for question, prompts in zip(batch, own, strict=True):
                answers = [next(scored) for _ in prompts]
                replies += replies_to(question, answers)
                rows.append(self._answer_row(question, answers))
                shown.append((rows[-1][0], answers[0], prompts[0].option_count))
            self._sink(Signal.ANSWER, rows)
            for signal in self._writing.inside:
                self._sink(signal, inside_rows(signal, shown))
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
                self._sink(Signal.FORCED_ANSWERS, list(forced_rows(rows, texts)))

        forcings = None
        if self._writing.force_answers:
            facts, end = self._facts, self.engine.think_end
            forcings = [
                forcing_of(r.args[0], facts[r.task_name].view(r.doc).labels, end) for r in batch
            ]
        watch = FinishedTexts(store, self._writing.count_tokens)
        try:
            generations = self.engine.generate(
                [request.args[0] for request in batch],
                settings.most,
                settings.until,
                settings.sampling([self._seed_of(request) for request in batch]),
                extras=Extras(forcings, watch, self._writing.stop_loops),
            )
            for number, generation in enumerate(generations):
                if number not in watch.stored:
                    watch.finished(number, [generation])
        finally:
            watch.flush()
        return [g.text if isinstance(g, Generation) else "" for g in generations]

    def _store_prompts(self, requests: Sequence[Instance]) -> None:
        rows: list[Row] = [
            (self._question_id(request), {"text": request.args[0]}) for request in requests
        ]
        self._sink(Signal.PROMPT, rows)

    def _seed_of(self, request: Instance) -> int:
        return question_seed(self._question_id(request), self._seed, "trace", 0)

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Raise NotImplementedError: multiple-choice tasks do not request it."""
        raise NotImplementedError("apprehend scores multiple-choice and generative tasks only")

    def _answer_row(self, question: Sequence[Instance], answers: Sequence[Answer | Failed]) -> Row:
        facts, doc = self._facts[question[0].task_name], question[0].doc
        question_id = self._question_id(question[0])
        given: list[Answer] = []
        for answer in answers:
            if isinstance(answer, Failed):
                return question_id, answer
            given.append(answer)
        first = given[0]
        count = facts.option_count(doc)
        scores = scores_of(given, facts.scored(doc), facts.normalization)
        if facts.normalization is not None:
            return question_id, {
                "option_logprobs": scores.option_logprobs,
                "scored_logprobs": scores.scored_logprobs,
                "prior_logprobs": scores.prior_logprobs,
                "option_tokens": scores.tokens,
                "dont_know_logprob": math.nan,
                "entropy": math.nan,
                "post_answer_entropy": math.nan,
                "missing_mass": math.nan,
                "answer": scores.best,
                "status": Status.PARSED.value,
                "correct": int(facts.is_right(doc, scores.best)),
                "prompt_tokens": first.prompt_tokens,
            }
        if first.greedy_label is None:
            status = Status.UNPARSED
        else:
            status = Status.DONT_KNOW if first.greedy_label >= count else Status.PARSED
        best = scores.best
        if best >= count:
            status = Status.DONT_KNOW
        return question_id, {
            "option_logprobs": scores.option_logprobs,
            "scored_logprobs": scores.scored_logprobs,
            "dont_know_logprob": first.label_logprobs[count]
            if len(first.label_logprobs) > count
            else math.nan,
            "entropy": first.entropy,
            "post_answer_entropy": first.post_answer_entropy,
            "top_logprobs": first.top_logprobs,
            "missing_mass": first.missing_mass,
            "log_normalizer": first.log_normalizer,
            "answer": best if best < count else None,
            "status": status.value,
            "correct": int(facts.is_right(doc, best)),
            "prompt_tokens": first.prompt_tokens,
        }

    def _question_id(self, request: Instance) -> QuestionId:
        """Return a question's id; lm-eval's ``doc_id`` counts the documents that it was asked."""
        index = request.doc_id
        asked = self.asked.get(request.task_name)
        return self._facts[request.task_name].own_id(
            request.doc, index if asked is None else asked[index]
        )

    def _trace_row(self, request: Instance, generation: Generation | Failed) -> Row:
        facts, doc = self._facts[request.task_name], request.doc
        question_id = self._question_id(request)
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
            "token_ends": generation.token_ends(),
            "answer_position": position if position >= 0 else None,
            "option_logprobs": known,
            "answer": None if answer is None else answer.index,
            "rule": None if answer is None else answer.rule.value,
            "status": status.value,
            "correct": int(answer is not None and facts.is_right(doc, answer.index)),
            "prompt_tokens": generation.prompt_tokens,
            "finished": int(generation.finished),
            "looped": None if generation.loop_start is None else int(generation.loop_start >= 0),
            "loop_start": generation.loop_start,
            "answer_start": begins if begins >= 0 and generation.tokens_missing is None else None,
            "reasoning": generation.reasoning,
            "thought_closed": int(generation.thought_closed),
            "tokens_missing": generation.tokens_missing,
        }
