"""Model-as-judge: ask a judge about the questions, and to rate its own assessments."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ...estimators.signals.batch import Signal
from ...tasks.data_errors import DataError
from ...tasks.prompting import Choice, Prompt, load_prompt
from ...tasks.questionnaires import (
    QUESTIONNAIRES,
    RATING_PROMPT,
    Questionnaire,
    Verdict,
    read_rating,
)
from ...tasks.topics import letters
from ..console.errors import ApprehendError, UsageError
from ..console.progress import progress_bar
from ..endpoints.concurrency import as_completed
from ..endpoints.request_errors import RequestFailed
from ..score.signal_loading import load_outcome
from ..store.derivation import DERIVED_FROM
from ..store.failures import Failed, QuestionId
from ..store.stored_rows import Row, unstorable
from ..store.task_store import TaskStore
from .judge import Judge

ItemT = TypeVar("ItemT")
VERDICT_TOKENS = 512
RATING_TOKENS = 32
QUESTIONS_PER_BATCH = 128
SECONDS_PER_PART = 5.0
"""How often judgements that arrive one by one are stored."""


def judge_questions(
    store: TaskStore,
    judge: Judge,
    names: Sequence[str],
    ids: Sequence[Any],
    prompts: Mapping[str, str],
    probabilities: bool = False,
) -> tuple[list[str], list[str]]:
    """Collect the missing judgements of the questionnaires ``names`` on the questions ``ids``.

    ``probabilities`` also asks for the probability of each label, which takes further passes.
    Returns one sentence per questionnaire that is incomplete, and one per questionnaire without a
    readable reply; the reasons of questions without a judgement are stored.
    """
    rows = {row["question_id"]: row for row in store.questions.to_pylist()}
    store.drop_outdated(Signal.JUDGEMENT)
    if any(QUESTIONNAIRES[name].about_answer for name in names):
        _add_answers(store, rows, ids)
    rating = load_prompt(RATING_PROMPT, prompts.get(RATING_PROMPT))
    problems: list[str] = []
    unread: list[str] = []
    for name in names:
        questionnaire = QUESTIONNAIRES[name]
        prompt = load_prompt(questionnaire.prompt, prompts.get(questionnaire.prompt))
        done = store.done(Signal.JUDGEMENT, name, judge.name)
        missing = [rows[i] for i in ids if i not in done and rows[i].get("question")]
        if questionnaire.about_answer:
            missing = [row for row in missing if row["question_id"] in store.marks()]

        def work(
            batch: Sequence[Mapping[str, Any]],
            questionnaire: Questionnaire = questionnaire,
            prompt: Prompt = prompt,
        ) -> list[dict[str, Any]]:
            return _judge_batch(judge, questionnaire, prompt, rating, batch, probabilities)

        collection = _Collection(store, judge, name, len(missing))
        collection.run(missing, work)
        problems += collection.problems(len(missing))
        unread += collection.unread(len(missing))
        if collection.fatal is not None:
            break
    store.compact(Signal.JUDGEMENT)
    return problems, unread


class _Collection:
    """One judge with one questionnaire: stores its judgements, and why the others failed."""

    def __init__(self, store: TaskStore, judge: Judge, name: str, count: int) -> None:
        self._store = store
        self._judge = judge
        self._name = name
        self._bar = progress_bar(count, f"{judge.name}: {name}")
        self._waiting: list[Row] = []
        self._stored_at = time.monotonic()
        self._read = 0
        self._first = ""
        self._failed: dict[QuestionId, str] = {}
        self.fatal: ApprehendError | None = None
        """The error after which the judge cannot be asked any more."""

    def run(
        self,
        rows: Sequence[Mapping[str, Any]],
        work: Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]],
    ) -> None:
        """Judge every row; what was collected is stored, even on an interrupt."""
        try:
            with self._bar:
                if self._judge.workers:
                    self._one_by_one(rows, work)
                else:
                    for batch in _chunks(rows, QUESTIONS_PER_BATCH):
                        self._take(work(batch))
                        self._write()
        except BaseException:
            self._judge.stop()
            raise
        finally:
            self._write()

    def _one_by_one(
        self,
        rows: Sequence[Mapping[str, Any]],
        work: Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]],
    ) -> None:
        for reply in as_completed(lambda row: work([row]), rows, self._judge.workers):
            try:
                self._take(reply.get())
            except RequestFailed as error:
                self._waiting.append((reply.item["question_id"], Failed(str(error))))
                self._bar.update(1)
            except ApprehendError as error:
                self.fatal = self.fatal or error
            if time.monotonic() - self._stored_at > SECONDS_PER_PART:
                self._write()

    def _take(self, records: list[dict[str, Any]]) -> None:
        self._waiting += [(record["question_id"], record) for record in records]
        self._read += sum(record["value"] is not None for record in records)
        unread = (record["reason"] for record in records if record["value"] is None)
        self._first = self._first or next(unread, "")
        self._bar.update(len(records))

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        judge = self._judge.name
        self._failed |= self._store.store_part(Signal.JUDGEMENT, waiting, self._name, judge)
        self._stored_at = time.monotonic()

    def problems(self, count: int) -> list[str]:
        """Return what went wrong, a sentence each."""
        who, name = f"judge {self._judge.name}", self._name
        if self.fatal is not None:
            return [f"{who}: {self.fatal}; what it judged so far is stored, run again to resume"]
        if self._failed:
            first = next(iter(self._failed.values()))
            return [
                f"{who} gave no reply to {name} on {len(self._failed)} of {count} questions, "
                f"first: {first}; run again to ask them again"
            ]
        return []

    def unread(self, count: int) -> list[str]:
        """Say if every reply came, but none of them could be read."""
        if count and not self._read and not self._failed and self.fatal is None:
            return [
                f"judge {self._judge.name} gave no readable reply to {self._name} on any of "
                f"{count} questions, "
                f"first: {self._first}"
            ]
        return []


def _add_answers(store: TaskStore, rows: dict[Any, dict[str, Any]], ids: Sequence[Any]) -> None:
    """Add the model's own answer, label and text, to each row."""
    answers = load_outcome(store, ids).answer
    for question, answer in zip(ids, answers.tolist(), strict=True):
        options = list(rows[question]["options"])
        named = 0 <= answer < len(options)
        label = f"{letters(len(options))[answer]}. {options[answer]}" if named else "none of them"
        rows[question] |= {"proposed": label, DERIVED_FROM: store.marks().get(question)}


def _judge_batch(
    judge: Judge,
    questionnaire: Questionnaire,
    prompt: Prompt,
    rating: Prompt,
    rows: Sequence[Mapping[str, Any]],
    probabilities: bool,
) -> list[dict[str, Any]]:
    contexts = [_context(row) for row in rows]
    messages = [prompt.render(**context) for context in contexts]
    replies = judge.ask(messages, VERDICT_TOKENS)
    verdicts = [questionnaire.read(reply) for reply in replies]
    probs = _label_probs(judge, questionnaire, messages, replies) if probabilities else {}
    if questionnaire.about_answer:
        return _unrated(judge, questionnaire, rows, replies, verdicts, probs)
    readable = [
        i
        for i, verdict in enumerate(verdicts)
        if verdict.value is not None and unstorable(replies[i]) is None
    ]
    prompts = [rating.render(**contexts[i], assessment=replies[i].strip()) for i in readable]
    ratings = dict(zip(readable, judge.ask(prompts, RATING_TOKENS) if prompts else [], strict=True))
    records = []
    for index, (row, reply, verdict) in enumerate(zip(rows, replies, verdicts, strict=True)):
        rated = ratings.get(index)
        number = None if rated is None else read_rating(rated)
        reason = verdict.reason
        if reason is None and number is None:
            reason = f'rating not parsed: "{" ".join((rated or "").split())[:60]}"'
        records.append(
            {
                "question_id": row["question_id"],
                "variant": questionnaire.name,
                "source": judge.name,
                "text": reply,
                "value": verdict.value,
                "labels": list(verdict.labels),
                "rating_text": rated,
                "rating": number,
                "reason": reason,
                **probs.get(index, {}),
            }
        )
    return records


def _unrated(
    judge: Judge,
    questionnaire: Questionnaire,
    rows: Sequence[Mapping[str, Any]],
    replies: Sequence[str],
    verdicts: Sequence[Verdict],
    probs: Mapping[int, dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return records of verdicts on an answer, which are not rated."""
    return [
        {
            "question_id": row["question_id"],
            "variant": questionnaire.name,
            "source": judge.name,
            "text": reply,
            DERIVED_FROM: row[DERIVED_FROM],
            "value": verdict.value,
            "reason": verdict.reason,
            **probs.get(index, {}),
        }
        for index, (row, reply, verdict) in enumerate(zip(rows, replies, verdicts, strict=True))
    ]


def _label_probs(
    judge: Judge, questionnaire: Questionnaire, messages: Sequence[str], replies: Sequence[str]
) -> dict[int, dict[str, Any]]:
    """Return, by row, the probability of each label at the position where the reply names one."""
    starts = {i: questionnaire.label_start(reply) for i, reply in enumerate(replies)}
    places = {i: start for i, start in starts.items() if start is not None}
    if not places:
        return {}
    probabilities = judge.label_probs(
        [messages[i] for i in places],
        [replies[i][:start] for i, start in places.items()],
        list(questionnaire.scale),
    )
    if probabilities is None:
        return {}
    values = list(questionnaire.scale.values())
    return {
        i: {"label_probs": probs, "label_values": values}
        for i, probs in zip(places, probabilities, strict=True)
    }


def _context(row: Mapping[str, Any]) -> dict[str, object]:
    options = list(row["options"])
    shown = zip(letters(len(options)), options, strict=True)
    return {
        "question": row["question"],
        "choices": [Choice(label, text) for label, text in shown],
        "topic": row["topic"],
        "proposed": row.get("proposed"),
        "label_kind": "letter",
        "dont_know": None,
    }


def _chunks(items: Sequence[ItemT], size: int) -> Iterator[list[ItemT]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def check_prompts(prompts: Mapping[str, str]) -> None:
    """Load every replaced template once. Raises UsageError for an unusable one."""
    for name, path in prompts.items():
        try:
            load_prompt(name, path)
        except DataError as error:
            raise UsageError(f"--prompt: {error}") from error
