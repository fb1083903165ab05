"""Probes of sampled answers: drawn labels, or the answers of sampled chains of thought."""

from __future__ import annotations

from collections.abc import Sequence

from ....estimators.signals.batch import Signal
from ...engines.shared.engine import Answer, ChoicePrompt, Failed, Generation
from ...store.stored_rows import Record
from ..asking.loaded_task import LoadedTask
from .probe import ChoiceProbe, Cost, TextProbe
from .probe_options import Item, ProbeOptions, generation_limits


def sampling_settings(options: ProbeOptions) -> dict[str, object]:
    """Return the settings that sampled answers depend on."""
    return {
        "samples": options.samples,
        "temperature": options.temperature,
        "seed": options.seed,
    }


def _record(
    options: ProbeOptions,
    answers: list[int],
    logprobs: list[float | None],
    texts: list[str] | None,
) -> Record:
    return {
        "answers": answers,
        "answer_logprobs": logprobs,
        "count": len(answers),
        "texts": texts,
        "temperature": options.temperature,
        "seed": options.seed,
    }


class DirectSamples(ChoiceProbe):
    """Labels drawn from the distribution at the answer token."""

    signal = Signal.SAMPLES
    variants = ("direct",)

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        return sampling_settings(options)

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, question = item
        return self.builder.choices(task, question)

    def ask(
        self, prompts: Sequence[ChoicePrompt], part: Sequence[Item]
    ) -> Sequence[Answer | Failed]:
        return self.engine.score(prompts, sampling=self.builder.sampling(part, self.variant))

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        (prompt,), (answer,) = prompts, replies
        drawn = [index if index < prompt.option_count else -1 for index in answer.samples]
        logprobs = [answer.label_logprobs[i] if i >= 0 else None for i in drawn]
        return _record(self.options, drawn, logprobs, None)


class TraceSamples(TextProbe):
    """Sampled chains of thought."""

    signal = Signal.SAMPLES
    variants = ("cot",)
    outcome = Signal.TRACE

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        until, most = generation_limits(tasks[0])
        return {
            **sampling_settings(options),
            "until": list(until),
            "max_gen_toks": most,
            "extraction": options.extraction,
        }

    @classmethod
    def cost(cls, items: Sequence[Item], options: ProbeOptions, variant: str) -> Cost:
        most = max((generation_limits(task)[1] for task, _ in items), default=0)
        return Cost(len(items), len(items) * options.samples, most)

    def prompts(self, item: Item) -> list[str]:
        task, question = item
        return [self.builder.context(task, question)]

    def ask(self, prompts: Sequence[str], part: Sequence[Item]) -> Sequence[Generation | Failed]:
        until, most = generation_limits(part[0][0])
        self.replies_per_prompt = self.options.samples
        return self.engine.generate(prompts, most, until, self.builder.sampling(part, self.variant))

    def record(self, item: Item, prompts: Sequence[str], replies: Sequence[Generation]) -> Record:
        task, question = item
        answers: list[int] = []
        logprobs: list[float | None] = []
        for generation in replies:
            answer, _, known = task.facts.read(generation, question.row, self.options.extraction)
            answers.append(-1 if answer is None else answer.index)
            logprobs.append(known[answer.index] if known and answer is not None else None)
        return _record(self.options, answers, logprobs, [reply.text for reply in replies])
