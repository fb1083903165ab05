"""Model-as-judge: asks another model about the questions, and that model to rate its replies."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..estimators.signals import Signal
from ..tasks.errors import DataError
from ..tasks.prompting import Choice, Prompt, load_prompt
from ..tasks.questionnaires import (
    QUESTIONNAIRES,
    RATING_PROMPT,
    Questionnaire,
    Verdict,
    read_rating,
)
from ..tasks.topics import letters
from .engines.base import ChoicePrompt
from .errors import ApprehendError, UsageError, did_you_mean
from .progress import progress_bar
from .scoring import outcome_signal
from .store import TaskStore

logger = logging.getLogger(__name__)

VERDICT_TOKENS = 512
RATING_TOKENS = 32
QUESTIONS_PER_BATCH = 128


class Judge(Protocol):
    """A model that replies to one user message at a time."""

    name: str

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its replies."""

    def ask(self, messages: Sequence[str], max_new_tokens: int) -> list[str]:
        """One reply per message, in order."""

    def label_probs(
        self, messages: Sequence[str], begun: Sequence[str], labels: Sequence[str]
    ) -> list[list[float]] | None:
        """(n, L) probability that a reply that began so goes on with each label and ends; None
        where the judge shows no probabilities."""


class EngineJudge:
    """A judge on one of our engines, through its chat template where it has one."""

    def __init__(self, engine: Any, name: str) -> None:
        self._engine = engine
        self.name = name

    @property
    def identity(self) -> dict[str, Any]:
        return dict(self._engine.identity)

    def ask(self, messages: Sequence[str], max_new_tokens: int) -> list[str]:
        prompts = [self._prompt(message) for message in messages]
        return [g.text for g in self._engine.generate(prompts, max_new_tokens)]

    def _prompt(self, message: str) -> str:
        if not self._engine.has_chat_template:
            return message + "\n\n"
        return str(self._engine.chat([{"role": "user", "content": message}]))

    def label_probs(
        self, messages: Sequence[str], begun: Sequence[str], labels: Sequence[str]
    ) -> list[list[float]] | None:
        ends = tuple(f"{label}]]" for label in labels)
        prompts = [
            ChoicePrompt(self._prompt(message) + start, ends, len(ends))
            for message, start in zip(messages, begun, strict=True)
        ]
        answers = self._engine.score(prompts)
        return [[math.exp(value) for value in answer.label_logprobs] for answer in answers]


class LMEvalJudge:
    """A judge on any other lm-eval model, such as a chat endpoint over HTTP."""

    def __init__(self, lm: Any, kind: str, arguments: Mapping[str, Any], name: str) -> None:
        self._lm = lm
        self._kind = kind
        self._arguments = dict(arguments)
        self._chat = "chat" in kind
        self.name = name

    @property
    def identity(self) -> dict[str, Any]:
        return {"engine": self._kind, **{k: str(v) for k, v in self._arguments.items()}}

    def ask(self, messages: Sequence[str], max_new_tokens: int) -> list[str]:
        from lm_eval.api.instance import Instance

        options = {"until": [], "max_gen_toks": max_new_tokens, "do_sample": False}
        requests = [
            Instance("generate_until", {}, (self._prompt(m), dict(options)), i, ("judge", i, 1))
            for i, m in enumerate(messages)
        ]
        try:
            replies = self._lm.generate_until(requests, disable_tqdm=True)
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ApprehendError(
                f"judge {self.name}: {first}; what it judged so far is stored, run again to go on"
            ) from error
        return ["" if reply is None else str(reply) for reply in replies]

    def label_probs(
        self, messages: Sequence[str], begun: Sequence[str], labels: Sequence[str]
    ) -> list[list[float]] | None:
        return None

    def _prompt(self, message: str) -> Any:
        if not self._chat:
            return message + "\n\n"
        return self._lm.apply_chat_template([{"role": "user", "content": message}])


def load_judge(
    kind: str,
    arguments: dict[str, Any],
    batch_size: str,
    device: str | None,
    name: str | None,
    engine: Any = None,
) -> Judge:
    """The judge that ``--judge`` and ``--judge_args`` describe, on ``engine`` if it is given.

    Raises UsageError for an unknown kind or arguments that do not fit, ApprehendError where the
    model cannot be loaded.
    """
    shown = name or str(arguments.get("pretrained") or arguments.get("model") or kind)
    shown = shown.rstrip("/").rsplit("/", 1)[-1]
    if kind == "hf":
        from .engines.hf import HFEngine

        return EngineJudge(engine or HFEngine(arguments, batch_size, device), shown)
    cls = _without_stop_texts(_model_class(kind))
    try:
        lm = cls.create_from_arg_obj(arguments, {})
    except TypeError as error:
        raise UsageError(f"--judge_args: {error}") from error
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ApprehendError(f"cannot load judge {shown}: {first}") from error
    return LMEvalJudge(lm, kind, arguments, shown)


def _model_class(kind: str) -> Any:
    import lm_eval.models  # noqa: F401  (registers lm-eval's models)
    from lm_eval.api.registry import MODEL_REGISTRY, get_model

    try:
        return get_model(kind)
    except (KeyError, ValueError) as error:
        near = did_you_mean(kind, list(MODEL_REGISTRY))
        raise UsageError(f"--judge: unknown kind of model {kind!r}{near}") from error


def _without_stop_texts(cls: Any) -> Any:
    """An API model that sends no stop texts: lm-eval adds one, which some servers choke on."""
    if not hasattr(cls, "_create_payload"):
        return cls

    class JudgeModel(cls):  # type: ignore[misc]
        def _create_payload(self, *args: Any, **options: Any) -> dict[str, Any]:
            payload = dict(super()._create_payload(*args, **options))
            payload.pop("stop", None)
            return payload

    return JudgeModel


def check_judge(kind: str | None) -> None:
    """Raise UsageError for a kind of judge that does not exist, before anything is run."""
    if kind is not None and kind != "hf":
        _model_class(kind)


def judge_questions(
    store: TaskStore,
    judge: Judge,
    names: Sequence[str],
    ids: Sequence[Any],
    prompts: Mapping[str, str],
    probabilities: bool = False,
) -> list[str]:
    """Collect the missing judgements of the questionnaires ``names`` on the questions ``ids``.

    ``probabilities`` also asks how likely each label was, which takes further passes.
    Gives one sentence for each questionnaire of which not one reply could be read.
    """
    rows = {row["question_id"]: row for row in store.questions.to_pylist()}
    if any(QUESTIONNAIRES[name].about_answer for name in names):
        _add_answers(store, rows, ids)
    rating = load_prompt(RATING_PROMPT, prompts.get(RATING_PROMPT))
    problems = []
    for name in names:
        questionnaire = QUESTIONNAIRES[name]
        prompt = load_prompt(questionnaire.prompt, prompts.get(questionnaire.prompt))
        done = store.done(Signal.JUDGEMENT, name, judge.name)
        missing = [i for i in ids if i not in done and rows[i].get("question")]
        read, first = 0, ""
        with progress_bar(len(missing), f"{judge.name}: {name}") as bar:
            for batch in _chunks(missing, QUESTIONS_PER_BATCH):
                records = _judge_batch(
                    judge, questionnaire, prompt, rating, [rows[i] for i in batch], probabilities
                )
                store.append(Signal.JUDGEMENT, records)
                read += sum(record["value"] is not None for record in records)
                first = first or next((r["reason"] for r in records if r["value"] is None), "")
                bar.update(len(batch))
        if missing and not read:
            problems.append(
                f"judge {judge.name} gave no readable reply to {name} on any of {len(missing)} "
                f"questions, first: {first}"
            )
    store.compact(Signal.JUDGEMENT)
    return problems


def _add_answers(store: TaskStore, rows: dict[Any, dict[str, Any]], ids: Sequence[Any]) -> None:
    """Put the model's own answer into each row, label and text."""
    answers = store.load_table(outcome_signal(store), ids).answer
    for question, answer in zip(ids, answers.tolist(), strict=True):
        options = list(rows[question]["options"])
        named = 0 <= answer < len(options)
        label = f"{letters(len(options))[answer]}. {options[answer]}" if named else "none of them"
        rows[question]["proposed"] = label


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
    read = [i for i, verdict in enumerate(verdicts) if verdict.value is not None]
    asked = [rating.render(**contexts[i], assessment=replies[i].strip()) for i in read]
    ratings = dict(zip(read, judge.ask(asked, RATING_TOKENS) if asked else [], strict=True))
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
    """Records of verdicts on an answer, which the second call does not rate."""
    return [
        {
            "question_id": row["question_id"],
            "variant": questionnaire.name,
            "source": judge.name,
            "text": reply,
            "value": verdict.value,
            "reason": verdict.reason,
            **probs.get(index, {}),
        }
        for index, (row, reply, verdict) in enumerate(zip(rows, replies, verdicts, strict=True))
    ]


def _label_probs(
    judge: Judge, questionnaire: Questionnaire, messages: Sequence[str], replies: Sequence[str]
) -> dict[int, dict[str, Any]]:
    """Row → how likely each label was at the place where the reply names one."""
    starts = {i: questionnaire.label_start(reply) for i, reply in enumerate(replies)}
    places = {i: start for i, start in starts.items() if start is not None}
    if not places:
        return {}
    found = judge.label_probs(
        [messages[i] for i in places],
        [replies[i][:start] for i, start in places.items()],
        list(questionnaire.scale),
    )
    if found is None:
        return {}
    values = list(questionnaire.scale.values())
    return {
        i: {"label_probs": probs, "label_values": values}
        for i, probs in zip(places, found, strict=True)
    }


def _context(row: Mapping[str, Any]) -> dict[str, Any]:
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


def _chunks(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def check_prompts(prompts: Mapping[str, str]) -> None:
    """Load every replaced template once. Raises UsageError for one that cannot be used."""
    for name, path in prompts.items():
        try:
            load_prompt(name, path)
        except DataError as error:
            raise UsageError(f"--prompt: {error}") from error
