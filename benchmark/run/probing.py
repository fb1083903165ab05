"""Signals beyond the plain answer: further passes over questions that have been asked.

Each probe turns questions into engine calls and the engine's replies into records; only what is
missing in the store is collected, in batches that are stored as they come.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...estimators.signals.batch import Need, Signal
from ...tasks import mmlu_pro
from ...tasks.prompting import Prompt, load_prompt
from ...tasks.self_report_prompts import P_TRUE, P_TRUE_LABELS, P_TRUE_PROMPT, PHRASES, SELF_REPORTS
from ..console.errors import UsageError
from ..console.options import say
from ..console.progress import progress_bar
from ..engines.shared.engine import ChoicePrompt, Sampling
from ..store.derivation import DERIVED_FROM, is_derived
from ..store.sink import store_part
from ..store.task_store import TaskStore
from .adapter import DEFAULT_TOKENS, Step
from .forecasting import Load
from .perturbing import (
    INSTRUCTION,
    NO_STEM,
    PARAPHRASES,
    PROMPT_VARIANTS,
    SHUFFLED_STEM,
    question_seed,
    rotated,
    rotated_back,
    shuffled_stem,
    without_stem,
)
from .plan import ProbeOptions
from .probe_replies import KeptReplies, ask_each
from .task_loading import LoadedTask, Question

Record = dict[str, Any]
Item = tuple[LoadedTask, Question]
ProbeT = TypeVar("ProbeT", bound=Callable[..., list[Record]])
PROBES: dict[tuple[Signal, str], tuple[Signal, Callable[..., list[Record]]]] = {}
"""(signal, variant) → the outcome that its task must yield, and the method that collects it."""


def probe(signal: Signal, *variants: str, of: Signal = Signal.ANSWER) -> Callable[[ProbeT], ProbeT]:
    """Mark the method of `Prober` that collects a signal in these variants: it takes questions and
    a variant, asks the engine, and gives a record of the signal's columns for each question.

    ``of`` is the outcome (answer or trace) of the tasks that can give it.
    """

    def marked(method: ProbeT) -> ProbeT:
        PROBES.update({(signal, variant): (of, method) for variant in variants or ("",)})
        return method

    return marked


INSTRUCTION_PROMPT = "instruction_system"


def wanted_probes(needs: Sequence[Need], outcome: Signal) -> list[tuple[Signal, str]]:
    """(signal, variant) that the needs name and that a task with this outcome can give."""
    found: dict[tuple[Signal, str], None] = {}
    for need in needs:
        for signal in need.signals & probed_signals():
            known = [variant for other, variant in PROBES if other is signal]
            for name in [need.variant] if need.variant else known:
                if name not in known:
                    raise UsageError(
                        f"signal {signal} has no variant {name!r}, known: {', '.join(known)}"
                    )
                if PROBES[signal, name][0] is outcome:
                    found[signal, name] = None
    return list(found)


def probe_prompts(signal: Signal, variant: str) -> tuple[str, ...]:
    """Names of the templates that a probe renders beside those of its task."""
    if signal is Signal.SELF_REPORT:
        return (P_TRUE_PROMPT if variant == P_TRUE else SELF_REPORTS[variant].prompt,)
    if variant in PARAPHRASES:
        return (variant,)
    return (INSTRUCTION_PROMPT,) if variant == INSTRUCTION else ()


def generation_limits(task: LoadedTask) -> tuple[tuple[str, ...], int]:
    """Where a chain of thought ends: stop texts, and the largest number of tokens."""
    options = task.task.get_config("generation_kwargs") or {}
    return tuple(options.get("until") or ()), int(options.get("max_gen_toks", DEFAULT_TOKENS))


def probed_signals() -> set[Signal]:
    """Signals that a probe collects."""
    return {signal for signal, _ in PROBES}


class Prober:
    """Collects probes of one store's questions with one engine."""

    def __init__(
        self, engine: Any, store: TaskStore, items: Sequence[Item], options: ProbeOptions
    ) -> None:
        self.engine = KeptReplies(engine)
        self.failed: dict[Any, str] = {}
        """Questions that the last ``collect`` got nothing of, and why."""
        self.store = store
        self.items = items
        self.options = options
        self._label_space = "" if options.apply_chat_template else " "

    def collect(self, signal: Signal, variant: str) -> int:
        """Collect what is missing of a variant; gives the number of questions that were asked.
        Why some of them have no row is noted in the store and in ``failed``."""
        self.failed = {}
        missing, marks = self._missing(signal, variant)
        _, method = PROBES[signal, variant]
        name = f"{signal.value} {variant}".strip()
        step = Step(16)
        with progress_bar(len(missing), name) as bar:
            for part in step.split(list(missing)):
                got, lost = ask_each(self.engine, part, lambda some: method(self, some, variant))
                for (_, question), record in got:
                    record |= {"question_id": question.question_id, "variant": variant}
                    if marks is not None:
                        record[DERIVED_FROM] = marks[question.question_id]
                failed = {question.question_id: reason for (_, question), reason in lost}
                records = [record for _, record in got]
                self.failed |= store_part(self.store, signal, variant, records, failed)
                bar.update(len(part))
        self.store.compact(signal)
        return len(missing)

    def _missing(self, signal: Signal, variant: str) -> tuple[list[Item], dict[Any, str] | None]:
        """Questions without the variant, and the marks of the answers that it is derived from.

        What depends on an answer is asked only where there is one.
        """
        dropped = self.store.drop_outdated(signal)
        if dropped:
            say(
                f"  {dropped} rows of {signal} were derived from answers that have changed; they "
                "are collected again"
            )
        done = self.store.done(signal, variant)
        missing = [item for item in self.items if item[1].question_id not in done]
        if not is_derived(signal, variant):
            return missing, None
        marks = self.store.marks()
        return [item for item in missing if item[1].question_id in marks], marks

    def loads(self, wanted: Sequence[tuple[Signal, str]]) -> list[Load]:
        """What collecting these, or the answers themselves, asks of the model."""
        shown = self.items[:: max(1, len(self.items) // 20)]
        tokens = [self.engine.count_tokens(self._context(t, q.row)) for t, q in shown]
        mean = sum(tokens) / max(1, len(tokens))
        loads = []
        for signal, variant in wanted:
            done = self.store.done(signal, variant)
            missing = [item for item in self.items if item[1].question_id not in done]
            passes, texts, most = len(missing), 0, 0
            if signal is Signal.PERMUTED_ANSWERS:
                passes = sum(len(question.row["options"]) - 1 for _, question in missing)
            elif signal is Signal.TRACE or variant == "cot":
                texts = passes * (self.options.samples if variant == "cot" else 1)
                most = max((generation_limits(task)[1] for task, _ in missing), default=0)
            elif signal is Signal.SELF_REPORT and variant in SELF_REPORTS:
                texts, most = passes, SELF_REPORTS[variant].max_new_tokens
            name = f"{signal.value} {variant}".strip()
            loads.append(Load(name, passes, round(passes * mean), texts, most))
        return loads

    # -- prompts -------------------------------------------------------------------------------

    def _context(self, task: LoadedTask, row: Mapping[str, Any]) -> str:
        """The prompt as lm-eval builds it for this row."""
        options = self.options
        chat = options.apply_chat_template
        text: str = task.task.fewshot_context(
            row,
            num_fewshot=options.num_fewshot,
            system_instruction=options.system_instruction,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            chat_template=self.engine.chat if chat else None,
            gen_prefix=None,
        )
        return text

    def _choice(self, task: LoadedTask, row: Mapping[str, Any]) -> ChoicePrompt:
        style = mmlu_pro.STYLES[task.family]
        labels = mmlu_pro.choice_labels(row, style)
        return ChoicePrompt(
            self._context(task, row),
            tuple(self._label_space + label for label in labels),
            len(row["options"]),
        )

    def _ask(self, name: str, item: Item, **more: Any) -> str:
        """A question of our own about a question, as the model's chat template wants it."""
        task, question = item
        style = mmlu_pro.STYLES[task.family]
        text = self._prompt(name).render(**style.context(question.row), **more)
        if self.options.apply_chat_template:
            return str(self.engine.chat([{"role": "user", "content": text}]))
        return text

    def _prompt(self, name: str) -> Prompt:
        return load_prompt(name, self.options.prompts.get(name))

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

    def _seeds(self, question: Question, purpose: str) -> list[int]:
        return [
            question_seed(question.question_id, self.options.seed, purpose, number)
            for number in range(self.options.samples)
        ]

    # -- probes --------------------------------------------------------------------------------

    def _sampling(self, part: Sequence[Item], purpose: str) -> Sampling:
        seeds = [self._seeds(question, purpose) for _, question in part]
        return Sampling(self.options.temperature, seeds)

    @probe(Signal.SAMPLES, "direct")
    def _sampled_answers(self, part: list[Item], variant: str) -> list[Record]:
        prompts = [self._choice(task, question.row) for task, question in part]
        answers = self.engine.score(prompts, sampling=self._sampling(part, variant))
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
        from ...tasks.parsing import parse_marked_label

        until, most = generation_limits(part[0][0])
        prompts = [self._context(task, question.row) for task, question in part]
        written = self.engine.generate(prompts, most, until, self._sampling(part, variant))
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
        prompts = [self._choice(task, question.row) for task, question in part]
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
                prompts.append(self._choice(task, rotated(question.row, shift)))
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
            with self._other_prompt(task, variant):
                prompts.append(self._choice(task, self._other_row(question.row, variant)))
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

    def _other_row(self, row: Mapping[str, Any], variant: str) -> Mapping[str, Any]:
        if variant == NO_STEM:
            return without_stem(row)
        return shuffled_stem(row, self.options.seed) if variant == SHUFFLED_STEM else row

    @contextlib.contextmanager
    def _other_prompt(self, task: LoadedTask, variant: str) -> Iterator[None]:
        """The task with another wording or system message, for as long as the block lasts."""
        style = mmlu_pro.STYLES[task.family]
        key: str = ""
        value: Any = None
        if variant in PARAPHRASES:
            prompt = self._prompt(variant)
            key, value = "doc_to_text", partial(mmlu_pro.render_user, style=style, prompt=prompt)
        elif variant == INSTRUCTION:
            prompt = self._prompt(INSTRUCTION_PROMPT)
            topic = str(task.task.eval_docs[0]["category"])
            key, value = "description", mmlu_pro.render_system(topic, style, prompt) + "\n\n"
        if not key:
            yield
            return
        before = task.task.get_config(key)
        task.task.set_config(key, value)
        try:
            yield
        finally:
            task.task.set_config(key, before)

    @probe(Signal.SELF_REPORT, P_TRUE)
    def _p_true(self, part: list[Item], variant: str) -> list[Record]:
        labels = tuple(self._label_space + label for label in P_TRUE_LABELS)
        proposed = self._proposed(part)
        prompts = [
            ChoicePrompt(self._ask(P_TRUE_PROMPT, item, proposed=answer), labels, len(labels))
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
            self._ask(report.prompt, item, proposed=answer, phrases=phrases)
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
