"""``apprehend import lm-eval``: the samples that lm-eval of any age logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ...tasks.files.json_rows import read_json_rows
from ..console.declared import Typed
from ..console.errors import ApprehendError, UsageError, did_you_mean
from ..recordings.outcomes import contradicting
from ..recordings.recorded import ImportedQuestion, Recording, places_named
from .importer import Importer
from .lm_eval_files import (
    grouped_files,
    is_samples,
    newest_files,
    sample_files,
    task_of,
)
from .lm_eval_sample import Sample, read_sample

UNNAMED = "none"
"""The filter of samples that name none."""


def read_samples(
    files: Sequence[Path],
    chosen: str | None = None,
    metric: str | None = None,
    topic: str | None = None,
    task: str | None = None,
) -> tuple[Signal, list[ImportedQuestion]]:
    """Read the recorded answers of one task, whose topics may be in several files.

    Args:
        files: The files of samples.
        chosen: The filter whose answers to take; the only one by default.
        metric: The metric that tells right from wrong.
        topic: The document's field with the topic.
        task: The task they go to. In files of other tasks, positions are made ids by the task.

    Raises ApprehendError, with file and line, for content that lm-eval would not log, and
    UsageError where several filters are logged and none is chosen.
    """
    questions: dict[str, ImportedQuestion] = {}
    signals: dict[Signal, str] = {}
    for file in files:
        own = task_of(file)
        samples = _filtered(file, list(_samples(file, own, metric, topic)), chosen)
        numbered = not all(sample.own_id for sample in samples) or _repeated(samples)
        for sample in samples:
            question = sample.question
            if numbered:
                where = sample.position
                question.question_id = where if task in (None, own) else f"{own}:{where}"
            signals.setdefault(sample.signal, f"{file}, {question.place}")
            if question.question_id in questions:
                raise ApprehendError(
                    f"{file}, {question.place}: duplicate id {question.question_id}"
                )
            questions[question.question_id] = question
    if not questions:
        raise ApprehendError(f"{files[0]}: is empty")
    if len(signals) > 1:
        raise ApprehendError(
            "some of these files score options and others generate "
            f"({' and '.join(signals.values())}); import them separately"
        )
    return next(iter(signals)), list(questions.values())


def _samples(file: Path, task: str, metric: str | None, topic: str | None) -> Iterator[Sample]:
    for place, row in read_json_rows(file).items():
        yield read_sample(f"{file}, {place}", row, task, metric, topic)


def _repeated(samples: Sequence[Sample]) -> bool:
    """Whether the documents' own ids are not unique, as of passages with several questions."""
    return len({sample.question.question_id for sample in samples}) < len(samples)


def _filtered(file: Path, samples: Sequence[Sample], chosen: str | None) -> list[Sample]:
    """Return the samples of the chosen filter, or of the only one."""
    names = {sample.filter for sample in samples}
    if names == {""}:
        samples, names = _numbered_filters(samples)
    else:
        names = {name or UNNAMED for name in names}
    if chosen is None and len(names) > 1:
        raise UsageError(
            f"{file}: holds the answers of {len(names)} filters: {', '.join(sorted(names))}; "
            "choose one by --filter"
        )
    if chosen is None:
        return list(samples)
    if chosen not in names:
        raise UsageError(
            f"--filter: {file} has no filter {chosen!r}, found: {', '.join(sorted(names))}"
            f"{did_you_mean(chosen, names)}"
        )
    return [sample for sample in samples if (sample.filter or UNNAMED) == chosen]


def _numbered_filters(samples: Sequence[Sample]) -> tuple[list[Sample], set[str]]:
    """Name the filters of old files, which do not, by their order: 1, 2, …"""
    seen: dict[str, int] = {}
    named = []
    for sample in samples:
        seen[sample.position] = number = seen.get(sample.position, 0) + 1
        named.append((number, sample))
    if max(seen.values(), default=1) == 1:
        return list(samples), {UNNAMED}
    return (
        [replace(sample, filter=str(number)) for number, sample in named],
        {str(number) for number, _ in named},
    )


def _metric_note(questions: Sequence[ImportedQuestion]) -> list[str]:
    """Say where the metric calls wrong what reads as the right option, or the other way round."""
    if not any(q.options or q.option_logprobs or q.gold is not None for q in questions):
        return ["no sample has options: of free answers, only whether they are right is known"]
    against = contradicting(questions)
    if not against:
        return []
    return [
        f"the metric contradicts answer = target in {len(against):,} of {len(questions):,} samples "
        f"({places_named(against)}); the metric counts"
    ]


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    notes: list[str] = []
    files = newest_files(sample_files(paths), notes)
    for task, own in grouped_files(files, options["task"]).items():
        signal, questions = read_samples(
            own, options["filter"], options["metric"], options["topic"], task
        )
        origin = {name: options[name] for name in ("filter", "metric") if options[name] is not None}
        said = [*notes, *_metric_note(questions)]
        notes = []
        yield Recording(own, signal, questions, task, origin=origin, notes=said)


IMPORTER = Importer(
    name="lm-eval",
    summary="Samples that lm-eval logged with --log_samples (0.3's --write_out too).",
    files="samples_*.jsonl files, or folders.",
    recognizes=is_samples,
    read=_read_paths,
    options={
        "filter": Typed("Of samples with several filters, the one whose answers to take."),
        "metric": Typed("Metric that tells right from wrong (default: acc, exact_match, …)."),
        "topic": Typed("Field of the document with the topic (default: category, subject, …)."),
    },
    rank=1,
)
