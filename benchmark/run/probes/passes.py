"""The probes themselves: from questions to calls of the engine, and from its replies to records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....estimators.signals.batch import Signal
from ....tasks import mmlu_pro
from ....tasks.parsing import parse_marked_label
from ....tasks.self_report_prompts import (
    P_TRUE,
    P_TRUE_LABELS,
    P_TRUE_PROMPT,
    PHRASES,
    SELF_REPORTS,
)
from ...engines.shared.engine import ChoicePrompt
from ...store.task_store import TaskStore
from ..asking.adapter import Record
from .perturbing import PROMPT_VARIANTS, rotated, rotated_back
from .probe_kinds import Item, ProbeOptions, generation_limits, probe
from .prompt_builder import PromptBuilder


class Passes:
    """One method per probe, marked with `probe`."""

    def __init__(self, engine: Any, store: TaskStore, options: ProbeOptions) -> None:
        self.engine = engine
        self.store = store
        self.options = options
        self.prompts = PromptBuilder(engine, options)

    @probe(Signal.SAMPLES, "direct")
    def _sampled_answers(self, part: list[Item], variant: str) -> list[Record]:
        prompts = [self.prompts.choice(task, question.row) for task, question in part]
        answers = self.engine.score(prompts, sampling=self.prompts.sampling(part, variant))
        records = []
        for prompt, answer in zip(prompts, answers, strict=True):
            drawn = [index if index < prompt.option_count else -1 for index in answer.samples]
            logprobs = [answer.label_logprobs[i] if i >= 0 else None for i in drawn]
            records.append(self._sample_record(drawn, logprobs, None))
        return records

    def _sample_record(
        self, answers: list[int], logprobs: list[float | None], texts: list[str] | None
    ) -> Record:
        return {
            "answers": answers,
            "answer_logprobs": logprobs,
            "count": len(answers),
            "texts": texts,
            "temperature": self.options.temperature,
            "seed": self.options.seed,
        }

    @probe(Signal.SAMPLES, "cot", of=Signal.TRACE)
    def _sampled_traces(self, part: list[Item], variant: str) -> list[Record]:
        until, most = generation_limits(part[0][0])
        prompts = [self.prompts.context(task, question.row) for task, question in part]
        written = self.engine.generate(prompts, most, until, self.prompts.sampling(part, variant))
        records = []
        for number, (task, question) in enumerate(part):
            labels = task.facts.labels(question.row)
            answers, logprobs, texts = [], [], []
            for generation in written[number * self.options.samples :][: self.options.samples]:
                found = parse_marked_label(generation.text, labels)
                position = -1 if found is None else generation.token_at(found.start)
                known = generation.label_logprobs(position, labels) if position >= 0 else None
                answers.append(-1 if found is None else found.index)
                logprobs.append(
                    known[found.index] if known is not None and found is not None else None
                )
                texts.append(generation.text)
            records.append(self._sample_record(answers, logprobs, texts))
        return records

    @probe(Signal.HIDDEN_STATE)
    def _hidden_states(self, part: list[Item], variant: str) -> list[Record]:
        prompts = [self.prompts.choice(task, question.row) for task, question in part]
        answers = self.engine.score(prompts, hidden_state=True)
        return [{"state": answer.hidden_state} for answer in answers]

    @probe(Signal.PERMUTED_ANSWERS)
    def _permuted(self, part: list[Item], variant: str) -> list[Record]:
        """All cyclic orders; the order as asked is the stored answer, and is not asked again."""
        ids = [question.question_id for _, question in part]
        stored = self.store.load_table(Signal.ANSWER, ids)
        prompts, places = [], []
        for number, (task, question) in enumerate(part):
            for shift in range(1, len(question.row["options"])):
                prompts.append(self.prompts.choice(task, rotated(question.row, shift)))
                places.append((number, shift))
        answers = self.engine.score(prompts)
        records: list[Record] = []
        for number, (_, question) in enumerate(part):
            count = len(question.row["options"])
            records.append(
                {
                    "option_logprobs": [stored.option_logprobs[number][:count].tolist()],
                    "shifts": [0],
                    "answers": [int(stored.answer[number])],
                }
            )
        for (number, shift), prompt, answer in zip(places, prompts, answers, strict=True):
            count = prompt.option_count
            best = int(np.argmax(answer.scored_logprobs))
            record = records[number]
            record["option_logprobs"].append(rotated_back(answer.label_logprobs[:count], shift))
            record["shifts"].append(shift)
            record["answers"].append((best + shift) % count if best < count else -1)
        return records

    @probe(Signal.PROMPTED_ANSWERS, *PROMPT_VARIANTS)
    def _prompted(self, part: list[Item], variant: str) -> list[Record]:
        prompts = []
        for task, question in part:
            with self.prompts.reworded(task, variant):
                prompts.append(
                    self.prompts.choice(task, self.prompts.changed_row(question.row, variant))
                )
        records = []
        for prompt, answer in zip(prompts, self.engine.score(prompts), strict=True):
            best = int(np.argmax(answer.scored_logprobs))
            records.append(
                {
                    "option_logprobs": answer.label_logprobs[: prompt.option_count],
                    "answer": best if best < prompt.option_count else None,
                }
            )
        return records

    @probe(Signal.SELF_REPORT, P_TRUE)
    def _p_true(self, part: list[Item], variant: str) -> list[Record]:
        labels = tuple(self.prompts.label_space + label for label in P_TRUE_LABELS)
        proposed = self._proposed(part)
        prompts = [
            ChoicePrompt(
                self.prompts.auxiliary(P_TRUE_PROMPT, item, proposed=answer), labels, len(labels)
            )
            for item, answer in zip(part, proposed, strict=True)
        ]
        records: list[Record] = []
        for answer in self.engine.score(prompts):
            right, wrong = (np.exp(value) for value in answer.label_logprobs)
            total = right + wrong
            records.append({"value": float(right / total) if total > 0 else None})
        return records

    @probe(Signal.SELF_REPORT, *SELF_REPORTS)
    def _self_report(self, part: list[Item], variant: str) -> list[Record]:
        report = SELF_REPORTS[variant]
        proposed = self._proposed(part)
        phrases = ", ".join(PHRASES)
        prompts = [
            self.prompts.auxiliary(report.prompt, item, proposed=answer, phrases=phrases)
            for item, answer in zip(part, proposed, strict=True)
        ]
        records: list[Record] = []
        written = self.engine.generate(prompts, report.max_new_tokens)
        for (task, question), generation in zip(part, written, strict=True):
            read = report.read(generation.text, task.facts.labels(question.row))
            records.append(
                {
                    "text": generation.text,
                    "value": read.value,
                    "values": list(read.values),
                    "answers": list(read.answers),
                    "reason": read.reason,
                }
            )
        return records

    def _proposed(self, part: Sequence[Item]) -> list[str]:
        """The model's own answer to each question, label and text."""
        ids = [question.question_id for _, question in part]
        answers = self.store.load_table(Signal.ANSWER, ids).answer
        shown = []
        for (task, question), answer in zip(part, answers.tolist(), strict=True):
            options = list(question.row["options"])
            labels = mmlu_pro.STYLES[task.family].labels(len(options))
            shown.append(f"{labels[answer]}. {options[answer]}" if answer >= 0 else "none of them")
        return shown
