"""``apprehend import helm``: the scenario states that HELM writes, ``scenario_state.json``."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...tasks.files.bounds import JSON_MARKS
from ...tasks.files.cells import number
from ...tasks.files.content import open_text
from ...tasks.files.identifiers import id_text
from ...tasks.files.json_rows import parse_whole
from ...tasks.reading.answer_columns import LABELS, MOST, index_of
from ..console.declared import Typed
from ..console.errors import ApprehendError
from ..recordings.recorded import ImportedQuestion, Recording
from ..recordings.reply_answers import signal_of
from ..recordings.sniffing import mentions
from ..recordings.top_tokens import answer_position, as_top, read_answer_token
from .importer import Importer, NotMultipleChoice, as_written_by, files_in, multiple_choice

STATE = "scenario_state.json"
_TOPICS = ("subject", "subset", "task", "dataset")
_RUN = re.compile(r"(?P<name>[^:=,]+?)(?:[^\w=,](?=\w+=)|:)(?P<arguments>.*)")


def task_of(file: Path) -> tuple[str, str]:
    """Return (task, topic) of a run's folder: ``mmlu:subject=anatomy,method=…,model=…``.

    Where names cannot have a colon, something else stands there: ``mmlu-subject=anatomy,…``.
    """
    match = _RUN.fullmatch(file.parent.name)
    name, rest = (match["name"], match["arguments"]) if match else (file.parent.name, "")
    arguments = dict(piece.partition("=")[::2] for piece in rest.split(",") if "=" in piece)
    topic = next((arguments[key] for key in _TOPICS if key in arguments), "")
    return name or file.stem, topic or name or file.stem


def read_state(
    file: Path, prefix: str, topic: str, notes: list[str], split: str | None = None
) -> list[ImportedQuestion]:
    """Read the questions of a scenario state whose references are options.

    Perturbed copies, calibration requests and all but the first trial are left out, and of several
    splits all but one: HELM states its metrics by split.

    Args:
        file: The scenario state.
        prefix: What ids begin with.
        topic: The topic of its questions.
        notes: Where to say what was left out.
        split: The split to take; ``test`` by default where there are several.

    Raises NotMultipleChoice for a run of another method, ApprehendError or DataError for other
    content.
    """
    with open_text(file, None, JSON_MARKS) as text:
        state = parse_whole(file, text.read())
    requests = state.get("request_states") if isinstance(state, Mapping) else None
    if not isinstance(requests, list) or not requests:
        raise ApprehendError(f"{file}: no request_states; expected a scenario state of HELM")
    spec = state.get("adapter_spec")
    method = spec.get("method") if isinstance(spec, Mapping) else None
    if isinstance(method, str) and not method.startswith("multiple_choice"):
        raise NotMultipleChoice(
            f"{file}: not multiple choice: HELM asked it by the method {method}"
        )
    by_question: dict[str, list[Mapping[str, Any]]] = {}
    splits: dict[str, str] = {}
    left_out = 0
    for place, request in enumerate(requests, 1):
        instance = request.get("instance") if isinstance(request, Mapping) else None
        if not isinstance(instance, Mapping):
            raise ApprehendError(f"{file}, request state {place}: no instance")
        extra = (
            instance.get("perturbation") is not None
            or request.get("request_mode") == "calibration"
            or request.get("train_trial_index") not in (None, 0)
        )
        left_out += extra
        if not extra:
            identity = id_text(instance.get("id")) or str(place)
            by_question.setdefault(identity, []).append(request)
            splits[identity] = str(instance.get("split") or "")
    if left_out:
        notes.append(
            f"{left_out:,} requests of perturbed copies, calibration or other trials left out"
        )
    chosen = _chosen_split(file, splits, split, notes)
    questions = []
    for identity, own in by_question.items():
        if splits[identity] != chosen:
            continue
        where = f"{file}, question {identity}"
        with as_written_by("HELM", where):
            questions.append(_question(where, prefix + identity, topic, own))
    return questions


def _chosen_split(
    file: Path, splits: Mapping[str, str], wanted: str | None, notes: list[str]
) -> str:
    counts = Counter(splits.values())
    chosen = wanted
    if chosen is None:
        chosen = "test" if "test" in counts else max(counts, key=lambda name: counts[name])
    if chosen not in counts and counts:
        raise ApprehendError(f"{file}: has no split {chosen!r}, found: {', '.join(sorted(counts))}")
    others = ", ".join(f"{n:,} of {name}" for name, n in sorted(counts.items()) if name != chosen)
    if others:
        notes.append(
            f"{counts[chosen]:,} questions of the split {chosen} taken, left out: {others} "
            "(HELM states each split by itself; --split names another)"
        )
    return chosen


def _question(
    place: str, identity: str, topic: str, requests: Sequence[Mapping[str, Any]]
) -> ImportedQuestion:
    first = requests[0]
    references = first["instance"].get("references") or []
    texts = [_text(reference.get("output")) for reference in references]
    right = [
        n for n, reference in enumerate(references) if "correct" in (reference.get("tags") or ())
    ]
    if len(texts) < 2 or len(texts) > MOST or not right:
        raise ApprehendError(
            f"{place}: has {len(texts)} references and {len(right)} right ones; only questions "
            "with options are imported"
        )
    question = ImportedQuestion(
        question_id=identity,
        topic=topic,
        answer=None,
        correct=None,
        gold=right[0] if len(right) == 1 else None,
        question=_text(first["instance"].get("input")) or None,
        options=texts,
        place=place.rpartition(", ")[2],
    )
    if len(requests) == len(texts) and first.get("reference_index") is not None:
        _set_separate(place, question, requests)
    elif len(requests) == 1:
        _set_joint(question, first)
    else:
        raise ApprehendError(f"{place}: has {len(requests)} requests for {len(texts)} references")
    question.correct = question.answer in right
    return question


def _set_joint(question: ImportedQuestion, request: Mapping[str, Any]) -> None:
    """Read a question whose options stand in one prompt: its letter, and the top tokens there."""
    options = list(question.options or ())
    mapping = request.get("output_mapping") or {}
    labels = [
        next((label for label, text in mapping.items() if text == option), LABELS[n])
        for n, option in enumerate(options)
    ]
    completion = _completion(request)
    said = completion.get("text") or ""
    question.trace = said
    question.said = said.strip() or None
    letter = index_of(said, MOST)
    if letter is not None and LABELS[letter] in labels:
        question.answer = labels.index(LABELS[letter])
    elif letter is None:
        question.answer = index_of(said, len(options), options)
    tokens = [token for token in completion.get("tokens") or () if isinstance(token, Mapping)]
    if question.answer is None or not tokens:
        return
    place = answer_position([str(t.get("text", "")) for t in tokens], labels[question.answer])
    if place is not None:
        token = tokens[place]
        top = as_top(token.get("top_logprobs"), token.get("text"), token.get("logprob"))
        read = read_answer_token(top, labels)
        if read is not None and len(top) > 1:
            question.option_logprobs = read.option_logprobs
            question.top_logprobs = read.top_logprobs
            question.missing_mass = read.missing_mass


def _set_separate(
    place: str, question: ImportedQuestion, requests: Sequence[Mapping[str, Any]]
) -> None:
    """Read a question with one request per option: the log-probability of the option's tokens."""
    values = [-math.inf] * len(requests)
    options = list(question.options or ())
    for request in requests:
        index = number(request.get("reference_index"))
        if index is None or not 0 <= index < len(values):
            raise ApprehendError(f"{place}: reference_index is {request.get('reference_index')!r}")
        values[int(index)] = _reference_logprob(_completion(request), options[int(index)])
    question.option_logprobs = values
    question.answer = int(np.argmax(values))


def _reference_logprob(completion: Mapping[str, Any], reference: str) -> float:
    """Sum the log-probabilities of the last tokens, which are the reference's."""
    total, left = 0.0, len(reference)
    for token in reversed(completion.get("tokens") or []):
        if left <= 0:
            break
        total += number(token.get("logprob")) or 0.0
        left -= len(str(token.get("text", "")))
    return total


def _completion(request: Mapping[str, Any]) -> Mapping[str, Any]:
    result = request.get("result")
    completions = result.get("completions") if isinstance(result, Mapping) else None
    return completions[0] if isinstance(completions, list) and completions else {}


def _text(value: Any) -> str:
    return str(value.get("text", "")) if isinstance(value, Mapping) else str(value or "")


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    said: list[str] = []
    by_task: dict[str, list[str]] = {}

    def read(file: Path) -> tuple[str, Path, list[ImportedQuestion]]:
        own, topic = task_of(file)
        task = options["task"] or own
        prefix = f"{topic}:" if topic != task else ""
        notes = by_task.setdefault(task, [])
        return task, file, read_state(file, prefix, topic, notes, options["split"])

    groups: dict[str, dict[Path, list[ImportedQuestion]]] = {}
    states = files_in(paths, lambda file: file.name.startswith(STATE), STATE)
    for task, file, found in multiple_choice(states, read, said):
        groups.setdefault(task, {})[file] = found
    for task, files in groups.items():
        questions: dict[str, ImportedQuestion] = {}
        notes, said = [*said, *by_task[task]], []
        for file, found in files.items():
            for question in found:
                if question.question_id in questions:
                    raise ApprehendError(
                        f"{file}: duplicate id {question.question_id}; several models? import each "
                        "run's folder with its own --model"
                    )
                questions[question.question_id] = question
        rows = list(questions.values())
        signal = signal_of([question.trace for question in rows])
        yield Recording(list(files), signal, rows, task, notes=notes)


IMPORTER = Importer(
    name="helm",
    summary="Scenario states of HELM's multiple-choice runs.",
    files="scenario_state.json files, or folders of runs.",
    recognizes=lambda path: path.is_file() and mentions(path, "request_states"),
    read=_read_paths,
    options={
        "split": Typed("Split whose questions to take (default: test, where there are several)."),
    },
    rank=2,
)
