"""``apprehend import inspect``: evaluation logs of Inspect, ``.eval`` and ``.json``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Status
from ...tasks.files.cells import number
from ...tasks.files.identifiers import id_text
from ...tasks.reading.answer_columns import LABELS, MOST, index_of
from ..console.declared import Typed
from ..console.errors import ApprehendError
from ..recordings.inspect_files import Log, read_log
from ..recordings.outcomes import contradicting, truth
from ..recordings.recorded import UNKNOWN_TOPIC, ImportedQuestion, Recording, places_named
from ..recordings.reply_answers import signal_of
from ..recordings.sniffing import mentions
from ..recordings.top_tokens import answer_position, as_top, read_answer_token
from .importer import Importer, NotMultipleChoice, as_written_by, files_in, multiple_choice

_SEVERAL = re.compile(r"[A-Za-z](\s*,\s*[A-Za-z])+")
_SHUFFLED = "Choices were shuffled"
"""How the explanation begins where the model saw the options in another order."""
_TOPICS = ("subject", "category", "topic", "high_level_domain", "discipline", "domain")


def read_samples_of(
    file: Path, log: Log, scorer: str | None, topic: str | None, notes: list[str]
) -> list[ImportedQuestion]:
    """Read the questions of a log; of several epochs the first.

    Raises ApprehendError, with the sample, for content that tells nothing right from wrong, and
    NotMultipleChoice where it is scored by shares.
    """
    questions: dict[str, ImportedQuestion] = {}
    repeated = failed = shuffled = 0
    samples = _by_epoch(file, log.get("samples") or ())
    if samples and not any(sample.get("scores") for _, sample in samples):
        raise ApprehendError(f"{file}: no sample has a score; score the log by `inspect score`")
    for identity, sample in samples:
        if identity in questions:
            repeated += 1
            continue
        failed += sample.get("error") is not None
        place = f"sample {identity}"
        with as_written_by("Inspect", f"{file}, {place}"):
            questions[identity] = _question(f"{file}, {place}", identity, sample, scorer, topic)
        questions[identity].place = place
        shuffled += bool(sample.get("choices")) and not questions[identity].options
    if repeated:
        notes.append(f"{repeated:,} samples of further epochs left out: the first counts")
    if failed:
        notes.append(f"{failed:,} samples ended in an error: left out where they have no score")
    if shuffled:
        notes.append(
            f"{shuffled:,} samples showed the model shuffled choices: texts and log-probabilities "
            "of their options left out"
        )
    _check_multiple_choice(file, questions.values(), notes)
    return list(questions.values())


def _by_epoch(file: Path, samples: Sequence[Log]) -> list[tuple[str, Log]]:
    """Return id and content of each sample, by epoch and id: archives have them as they ended."""
    keyed = []
    for place, sample in enumerate(samples, 1):
        with as_written_by("Inspect", f"{file}, sample {place}"):
            own = sample.get("id")
            order = (int(sample.get("epoch") or 1), str(own).zfill(20) if type(own) is int else "")
            keyed.append((order, id_text(own) or str(place), sample))
    keyed.sort(key=lambda item: (item[0], item[1] if not item[0][1] else ""))
    return [(identity, sample) for _, identity, sample in keyed]


def _check_multiple_choice(
    file: Path, questions: Collection[ImportedQuestion], notes: list[str]
) -> None:
    """Raise NotMultipleChoice for a log of another task; note what contradicts itself."""
    free = [q.place for q in questions if not q.options and q.gold is None]
    if questions and len(free) == len(questions):
        raise NotMultipleChoice(
            f"{file}: not multiple choice: no sample has choices, or a letter as its target"
        )
    if free:
        notes.append(
            f"{len(free):,} samples have neither choices nor a letter as target "
            f"({places_named(free)}): only whether they are right is known"
        )
    against = contradicting(questions)
    if against:
        notes.append(
            f"the score contradicts answer = target in {len(against):,} of {len(questions):,} "
            f"samples ({places_named(against)}); the score counts"
        )


def _question(
    place: str, identity: str, sample: Log, scorer: str | None, topic: str | None
) -> ImportedQuestion:
    metadata = sample.get("metadata") or {}
    options = [str(choice) for choice in sample.get("choices") or ()]
    target = sample.get("target")
    targets = target if isinstance(target, list) else [target]
    said = _completion(sample)
    score = _score(place, sample, scorer)
    count = len(options) or MOST
    shuffled = str(score.get("explanation") or "").startswith(_SHUFFLED)
    if shuffled:  # the letters are those of the published order, the texts are not
        options = []
    golds = {index_of(text, count, options) for text in targets}
    given = score.get("answer")
    several = isinstance(given, str) and _SEVERAL.fullmatch(given.strip()) is not None
    answer = None
    if not several:
        answer = index_of(said if given is None else given, count, options)
    named = (
        topic if topic is not None else next((t for t in _TOPICS if id_text(metadata.get(t))), "")
    )
    if topic is not None and id_text(metadata.get(topic)) is None:
        raise ApprehendError(f"{place}: --topic: its metadata has no {topic!r}")
    question = ImportedQuestion(
        question_id=identity,
        topic=id_text(metadata.get(named)) or UNKNOWN_TOPIC,
        answer=answer,
        correct=_outcome(place, sample, score),
        gold=golds.pop() if len(golds) == 1 else None,
        question=_input(sample),
        options=options or None,
        trace=said,
        said=(said or "")[:200] or None,
    )
    if several:
        question.status = Status.PARSED  # more than one option
    if not shuffled:
        _set_logprobs(question, sample, len(options))
    return question


def _input(sample: Log) -> str | None:
    given = sample.get("input")
    if isinstance(given, list):
        given = next((m.get("content") for m in reversed(given) if isinstance(m, Mapping)), None)
    return given if isinstance(given, str) and given else None


def _choice(sample: Log) -> Mapping[str, Any]:
    choices = (sample.get("output") or {}).get("choices")
    return choices[0] if isinstance(choices, list) and choices else {}


def _completion(sample: Log) -> str | None:
    text = (sample.get("output") or {}).get("completion")
    if isinstance(text, str) and text:
        return text
    content = (_choice(sample).get("message") or {}).get("content")
    if isinstance(content, list):
        content = "".join(
            str(part.get("text", "")) for part in content if part.get("type") == "text"
        )
    return content if isinstance(content, str) else None


def _score(place: str, sample: Log, scorer: str | None) -> Mapping[str, Any]:
    scores = sample.get("scores") or {}
    if not scores:  # of a run that was interrupted
        return {}
    if scorer is None and len(scores) == 1:
        return next(iter(scores.values())) or {}
    if scorer is None and "choice" in scores:
        return scores["choice"] or {}
    if scorer in scores:
        return scores[scorer] or {}
    raise ApprehendError(
        f"{place}: has the scores of {', '.join(scores) or 'no scorer'}; choose one by --scorer"
    )


def _outcome(place: str, sample: Log, score: Mapping[str, Any]) -> bool | None:
    value = score.get("value")
    if value is None or value == "N":
        return None if value is None else False
    if value in ("C", "I"):
        return bool(value == "C")
    outcome = truth(value)
    if outcome is None:
        known = number(value) if not isinstance(value, Mapping | list) else None
        what = f"the share {known:g}" if known is not None else repr(value)[:60]
        words = f"{place}: its score is {what}, neither right (C, 1) nor wrong (I, 0)"
        raise ApprehendError(words) if known is None else NotMultipleChoice(words)
    return outcome


def _set_logprobs(question: ImportedQuestion, sample: Log, count: int) -> None:
    content = (_choice(sample).get("logprobs") or {}).get("content") or []
    if not content or question.answer is None:
        return
    place = answer_position(
        [str(token.get("token", "")) for token in content], LABELS[question.answer]
    )
    if place is None:
        return
    token = content[place]
    top = as_top(token.get("top_logprobs"), token.get("token"), token.get("logprob"))
    read = read_answer_token(top, LABELS[: count or 4])
    if read is not None and len(top) > 1:
        question.option_logprobs = read.option_logprobs
        question.top_logprobs = read.top_logprobs
        question.missing_mass = read.missing_mass


def _task(log: Log, file: Path) -> str:
    name = (log.get("eval") or {}).get("task")
    return str(name).rpartition("/")[2] if name else file.stem


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    said: list[str] = []

    def read(file: Path) -> Recording:
        log = read_log(file)
        notes: list[str] = []
        if log.get("status") not in (None, "success"):
            notes.append(f"the run's status is {log['status']}: only what is logged is imported")
        questions = read_samples_of(file, log, options["scorer"], options["topic"], notes)
        if not questions:
            raise ApprehendError(f"{file}: no samples in it (logged with log_samples?)")
        signal = signal_of([question.trace for question in questions])
        return Recording([file], signal, questions, _task(log, file), notes=notes)

    files = files_in(paths, _recognizes, "logs of Inspect (.eval, .json)")
    for recording in multiple_choice(files, read, said):
        yield replace(recording, notes=[*said, *recording.notes])
        said = []


def _recognizes(path: Path) -> bool:
    if path.suffix == ".eval":
        return True
    return path.suffix == ".json" and mentions(path, "eval", "status", "created", "task")


IMPORTER = Importer(
    name="inspect",
    summary="Evaluation logs of Inspect (inspect_ai), of multiple-choice tasks.",
    files=".eval or .json logs, or folders.",
    recognizes=_recognizes,
    read=_read_paths,
    options={
        "scorer": Typed("Of samples with several scores, the scorer that tells right from wrong."),
        "topic": Typed("Field of the sample's metadata with the topic (default: subject, …)."),
    },
    rank=1,
)
