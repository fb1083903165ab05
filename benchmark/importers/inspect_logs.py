"""``apprehend import inspect``: evaluation logs of Inspect, ``.eval`` and ``.json``."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ...tasks.files.bounds import JSON_MARKS, open_archive, unpacked_members
from ...tasks.files.cells import number
from ...tasks.files.content import open_text, start_of, unreadable_named
from ...tasks.files.file_errors import first_line
from ...tasks.files.identifiers import id_text
from ...tasks.files.json_rows import parse_json, parse_whole
from ...tasks.reading.answer_columns import LABELS, MOST, index_of
from ..console.declared import Typed
from ..console.errors import ApprehendError
from ..recordings.outcomes import truth
from ..recordings.recorded import UNKNOWN_TOPIC, ImportedQuestion, Recording
from ..recordings.reply_answers import SHORT
from ..recordings.sniffing import mentions
from ..recordings.top_tokens import answer_position, as_top, read_answer_token
from .importer import Importer, as_written_by, files_in

_TOPICS = ("subject", "category", "topic", "high_level_domain", "discipline", "domain")
Log = Mapping[str, Any]


def read_log(file: Path) -> Log:
    """Read a log with its samples, by Inspect's own reader where it is installed.

    Raises ApprehendError or DataError for a file that is none.
    """
    try:
        from inspect_ai.log import read_eval_log
    except ImportError:
        return _read_by_ourselves(file)
    start_of(file)
    try:
        log: Log = read_eval_log(str(file.resolve())).model_dump(mode="json")
    except Exception as error:  # whatever its reader raises
        raise ApprehendError(
            f"{file}: not a readable log of Inspect: {first_line(error)}"
        ) from error
    return log


def _read_by_ourselves(file: Path) -> Log:
    if not start_of(file).startswith(b"PK"):
        with open_text(file, None, JSON_MARKS) as text:
            log = parse_whole(file, text.read())
        if not isinstance(log, Mapping) or not isinstance(log.get("samples"), list):
            raise ApprehendError(f"{file}: no samples; expected a log of Inspect")
        return log
    with unreadable_named(file), open_archive(file) as archive:
        other = {member.compress_type for member in archive.infolist()}
    if other - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ApprehendError(
            f"{file}: is compressed as newer versions of Inspect do; install inspect-ai, or "
            "convert it by `inspect log convert --to json`"
        )
    log = {"samples": []}
    with unreadable_named(file):
        for name, content in unpacked_members(file, ".json"):
            if name == "header.json":
                log |= parse_json(content.decode("utf-8"), f"{file}:{name}")
            elif name.startswith("samples/"):
                log["samples"].append(parse_json(content.decode("utf-8"), f"{file}:{name}"))
    return log


def read_samples_of(
    file: Path, log: Log, scorer: str | None, topic: str | None, notes: list[str]
) -> list[ImportedQuestion]:
    """Read the questions of a log; of several epochs the first.

    Raises ApprehendError, with the sample, for content that tells nothing right from wrong.
    """
    questions: dict[str, ImportedQuestion] = {}
    repeated = failed = 0
    for number_, sample in enumerate(log.get("samples") or (), 1):
        with as_written_by("Inspect", f"{file}, sample {number_}"):
            identity = id_text(sample.get("id")) or str(number_)
        if identity in questions:
            repeated += 1
            continue
        failed += sample.get("error") is not None
        place = f"sample {identity}"
        with as_written_by("Inspect", f"{file}, {place}"):
            questions[identity] = _question(f"{file}, {place}", identity, sample, scorer, topic)
        questions[identity].place = place
    if repeated:
        notes.append(f"{repeated:,} samples of further epochs left out: the first counts")
    if failed:
        notes.append(f"{failed:,} samples ended in an error: left out")
    return list(questions.values())


def _question(
    place: str, identity: str, sample: Log, scorer: str | None, topic: str | None
) -> ImportedQuestion:
    metadata = sample.get("metadata") or {}
    options = [str(choice) for choice in sample.get("choices") or ()]
    target = sample.get("target")
    targets = target if isinstance(target, list) else [target]
    golds = {index_of(text, len(options) or MOST, options) for text in targets}
    said = _completion(sample)
    score = _score(place, sample, scorer)
    answer = index_of(score.get("answer"), len(options) or MOST, options)
    if answer is None:
        answer = index_of(said, len(options) or MOST, options)
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
    if sample.get("error") is not None and not scores:
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
        raise ApprehendError(f"{place}: its score is {what}, neither right (C, 1) nor wrong (I, 0)")
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
    for file in files_in(paths, _recognizes, "logs of Inspect (.eval, .json)"):
        log = read_log(file)
        notes: list[str] = []
        if log.get("status") not in (None, "success"):
            notes.append(f"the run's status is {log['status']}: only what is logged is imported")
        questions = read_samples_of(file, log, options["scorer"], options["topic"], notes)
        if not questions:
            raise ApprehendError(f"{file}: no samples in it (logged with log_samples?)")
        long = sum(len((question.trace or "").split()) > SHORT for question in questions)
        signal = Signal.TRACE if 2 * long > len(questions) else Signal.ANSWER
        yield Recording([file], signal, questions, _task(log, file), notes=notes)


def _recognizes(path: Path) -> bool:
    if path.suffix == ".eval":
        return True
    return path.suffix == ".json" and mentions(path, "eval", "status", "version")


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
