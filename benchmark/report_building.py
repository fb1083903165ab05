"""Reads scores out of a results folder and hands them to the reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..estimators.registry import builtin_estimators
from ..estimators.signals import AnswerTable, Need, Signal, Status, TraceTable
from ..reports import (
    FORMATS,
    Evaluation,
    ReportInput,
    Rows,
    build_benchmark_analyses,
    build_comparison,
    build_paper,
    build_report,
    evaluations,
)
from ..tasks.questionnaires import QUESTIONNAIRES
from ..tasks.topics import LETTERS
from .committee import warn_of_differences
from .errors import ApprehendError, UsageError, did_you_mean
from .options import say, show
from .scoring import outcome_signal, score_store
from .store import Results, TaskStore

REPEATED = ("model", "task", "topic", "estimator", "answer", "status", "reason")
"""Columns of the scores that repeat a few texts in many rows."""


def report_input(results: Results) -> ReportInput:
    """Frames of all stores of a folder; scores are computed where none are stored yet."""
    return input_of(results.stores())


def input_of(stores: Sequence[TaskStore]) -> ReportInput:
    """Frames of these stores."""
    scores, strata, questions, ratings, flow, manifests = [], [], [], [], [], []
    options, judgements, costs, orders = [], [], [], []
    seen: set[tuple[str, Any]] = set()
    warn_of_differences(stores)
    for store in stores:
        if not (store.path / "scores.parquet").is_file():
            score_store(store)
        scores.append(_read_scores(store.path / "scores.parquet"))
        stratum = pq.read_table(store.path / "strata.parquet").to_pandas()
        strata.append(stratum.assign(task=store.task))
        if (asked := _questions(store, seen)) is not None:
            questions.append(asked)
        ratings.append(_ratings(store))
        flow.append(_flow(store))
        options.append(_options(store))
        judgements.append(_judgements(store))
        orders.append(_orders(store))
        costs.append(_costs(store, scores[-1]))
        folders = {"model_folder": store.model, "task_folder": store.task}
        manifests.append({**folders, **store.manifest})
    unique = ["task", "question_id"]
    return ReportInput(
        scores=_joined(scores),
        strata=_joined(strata).drop_duplicates([*unique, "stratum"]),
        questions=_joined(questions).drop_duplicates(unique),
        ratings=_joined(ratings).drop_duplicates(unique),
        flow=pd.DataFrame(flow),
        options=_joined(options),
        judgements=_joined(judgements).drop_duplicates([*unique, "questionnaire", "judge"]),
        costs=_joined(costs),
        orders=_joined(orders),
        descriptions=_descriptions(),
        manifests=manifests,
    )


def _read_scores(file: Path) -> pd.DataFrame:
    """The stored scores. Columns that repeat a few texts are categories: a byte or two a row, where
    a text takes twenty."""
    names = pq.read_schema(file).names
    table = pq.read_table(file, read_dictionary=[name for name in REPEATED if name in names])
    return table.unify_dictionaries().to_pandas()


def _questions(store: TaskStore, seen: set[tuple[str, Any]]) -> pd.DataFrame | None:
    """The store's questions that no store of its task before had; None where all were `seen`."""
    ids = store.question_ids
    new = [(store.task, identity) not in seen for identity in ids]
    seen.update((store.task, identity) for identity in ids)
    if not any(new):
        return None
    table = store.questions if all(new) else store.questions.filter(pa.array(new))
    return table.to_pandas().assign(task=store.task)


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All of them as one. Those without rows are left out: their columns, which have no type, would
    make whole numbers of the others into fractions."""
    known = [frame for frame in frames if len(frame)] or list(frames)
    shared = [name for name in REPEATED if all(name in frame for frame in known)]
    for name in shared:
        columns = [frame[name] for frame in known]
        if len(known) > 1 and all(isinstance(one.dtype, pd.CategoricalDtype) for one in columns):
            names = pd.Index([]).append([one.cat.categories for one in columns]).unique()
            known = [
                frame.assign(**{name: frame[name].cat.set_categories(names)}) for frame in known
            ]
    return pd.concat(known, ignore_index=True)


def _ratings(store: TaskStore) -> pd.DataFrame:
    """Per question the lowest rating that any stored judgement of it got."""
    if not store.has(Signal.JUDGEMENT):
        return pd.DataFrame({"task": [], "question_id": [], "rating": []})
    signals = store.load([Need.of(Signal.JUDGEMENT)], store.question_ids)
    columns = [signals.judgement[name].stack("rating") for name in signals.judgement]
    lowest: Any = np.concatenate(columns, axis=1)
    missing = np.isnan(lowest).all(axis=1)
    lowest = np.where(np.isnan(lowest), np.inf, lowest).min(axis=1)
    return pd.DataFrame(
        {
            "task": store.task,
            "question_id": signals.question_id,
            "rating": np.where(missing, np.nan, lowest),
        }
    )


def _options(store: TaskStore) -> pd.DataFrame:
    """Option probabilities of the direct answers, with the index of the right option."""
    if not store.has(Signal.ANSWER):
        return pd.DataFrame()
    answer = store.load([Need.of(Signal.ANSWER)], store.question_ids).answer
    probabilities = answer.option_probs
    present = ~np.isnan(probabilities)
    known = np.flatnonzero(present.any(axis=1))
    letters = store.questions.column("gold").to_pylist() if "gold" in _columns(store) else []
    gold = [_index(letters[row]) for row in known] if letters else [-1] * len(known)
    return pd.DataFrame(
        {
            "model": store.model,
            "task": store.task,
            "question_id": [store.question_ids[row] for row in known],
            "probabilities": [probabilities[row][present[row]] for row in known],
            "gold": gold,
        }
    )


def _orders(store: TaskStore) -> pd.DataFrame:
    """Answers under every stored order of the options, as original option indices."""
    if not store.has(Signal.PERMUTED_ANSWERS) or "gold" not in _columns(store):
        return pd.DataFrame()
    ids = store.question_ids
    table = store.load([Need.of(Signal.PERMUTED_ANSWERS)], ids).permuted_answers
    gold = np.array([_index(letter) for letter in store.questions.column("gold").to_pylist()])
    rows, columns = np.nonzero((table.shifts >= 0) & table.present[:, None])
    return pd.DataFrame(
        {
            **{"model": store.model, "task": store.task},
            "question_id": [ids[row] for row in rows],
            **{"shift": table.shifts[rows, columns], "answer": table.answers[rows, columns]},
            "gold": gold[rows],
        }
    )


def _columns(store: TaskStore) -> list[str]:
    return list(store.questions.column_names)


def _index(letter: Any) -> int:
    return LETTERS.index(letter) if letter in LETTERS else -1


def _judgements(store: TaskStore) -> pd.DataFrame:
    """Every judge's reply to every questionnaire on the questions themselves."""
    if not store.has(Signal.JUDGEMENT):
        return pd.DataFrame()
    signals = store.load([Need.of(Signal.JUDGEMENT)], store.question_ids)
    frames = []
    for name in signals.judgement:
        if name not in QUESTIONNAIRES:
            continue  # about one model's answer, not about the question
        for judge, table in signals.judgement[name].tables.items():
            labels = [
                ", ".join(str(label) for label in row if label is not None) or None
                for row in table.labels.tolist()
            ]
            frame = {
                **{"task": store.task, "question_id": signals.question_id},
                **{"questionnaire": name, "judge": judge},
                **{"value": table.value, "label": labels, "rating": table.rating},
            }
            frames.append(pd.DataFrame(frame)[table.present])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _costs(store: TaskStore, scores: pd.DataFrame) -> pd.DataFrame:
    """What each signal took by the manifest, and the sum over the signals of each estimator."""
    base = {"model": store.model, "task": store.task}
    rows = [
        {**base, "item": item, "kind": "signal", **found, "needs": None}
        for item, found in _spent(store).items()
    ]
    per_question = _per_question(store)
    for label in map(str, dict.fromkeys(scores["estimator"])):
        needs = _needs(label)
        used = _signals(needs) & set(per_question)
        if used:
            seconds, tokens = (sum(per_question[s][k] for s in used) for k in (0, 1))
            n = len(store.question_ids)
            found = {"questions": n, "seconds": n * seconds, "tokens": round(n * tokens)}
            text = ", ".join(map(str, needs))
            rows.append({**base, "item": label, "kind": "estimator", **found, "needs": text})
    return pd.DataFrame(rows)


def _spent(store: TaskStore) -> dict[str, dict[str, float]]:
    """Line of the manifest's costs → questions, seconds and tokens, where questions were asked."""
    spent = {}
    for item, line in store.manifest.get("costs", {}).items():
        questions = max(line.get("questions", 0), line.get("judgements", 0))
        tokens = sum(line.get(name, 0) for name in ("prompt_tokens", "generated_tokens", "tokens"))
        if questions:
            seconds = line.get("seconds", 0.0)
            spent[item] = {"questions": questions, "seconds": seconds, "tokens": tokens}
    return spent


def _per_question(store: TaskStore) -> dict[str, tuple[float, float]]:
    """Signal → seconds and tokens per question."""
    total: dict[str, dict[str, float]] = {}
    for item, found in _spent(store).items():
        own = total.setdefault(item.split()[0].split("[")[0], dict.fromkeys(found, 0.0))
        for name, amount in found.items():
            own[name] += amount
    return {
        signal: (own["seconds"] / own["questions"], own["tokens"] / own["questions"])
        for signal, own in total.items()
    }


def _needs(estimator: str) -> list[Need]:
    """What a built-in estimator needs, by its label; nothing for others."""
    cls = builtin_estimators().get(estimator.split("(", maxsplit=1)[0])
    return [] if cls is None else sorted(cls.requirements(), key=str)


def _signals(needs: Sequence[Need]) -> set[str]:
    return {signal.value for need in needs for signal in need.signals}


def measured_costs(
    results: Path, small: str, large: str, task: str, by: str
) -> tuple[float, float] | None:
    """Seconds per question of two models' answers by their manifests, the small one's with `by`.

    None where one of them has no time, as after an import.
    """
    stores = {one.model: one for one in Results(results).stores() if one.task == task}
    found = []
    for model, extra in ((small, _signals(_needs(by))), (large, set[str]())):
        spent, outcome = _per_question(stores[model]), outcome_signal(stores[model]).value
        if outcome not in spent:
            return None
        found.append(sum(spent[signal][0] for signal in ({outcome} | extra) & set(spent)))
    return found[0], found[1]


def _descriptions() -> dict[str, str]:
    """Name → first line of the docstring of every built-in estimator."""
    lines = {name: (cls.__doc__ or "").strip() for name, cls in builtin_estimators().items()}
    return {name: text.splitlines()[0] for name, text in lines.items() if text}


def _flow(store: TaskStore) -> dict[str, Any]:
    outcome = outcome_signal(store)
    ids = store.question_ids
    signals = store.load([Need.of(outcome)], ids)
    table: AnswerTable | TraceTable
    table = signals.answer if outcome is Signal.ANSWER else signals.trace
    return {
        "model": store.model,
        "task": store.task,
        "asked": len(ids),
        "answered": int(table.present.sum()),
        "parsed": int((table.status == Status.PARSED.value).sum()),
        "dont_know": int((table.status == Status.DONT_KNOW.value).sum()),
    }


def write_report(
    results: Path,
    output_path: Path,
    paper_filter: bool = False,
    replicates: int = 1000,
    seed: int = 0,
    formats: Sequence[str] = FORMATS,
) -> None:
    """Build the report, show its tables in the terminal, and say where it lies."""
    report = build_report(
        report_input(Results(results)),
        output_path,
        rows="paper" if paper_filter else "all",
        replicates=replicates,
        seed=seed,
        formats=formats,
    )
    show(*report.terminal())
    say(f"report: {output_path / 'index.html'}")


def write_paper(results: Path, output_path: Path, replicates: int = 1000, seed: int = 0) -> None:
    """The reference paper's tables and figures, with a verdict per published value."""
    try:
        paper = build_paper(report_input(Results(results)), output_path, replicates, seed)
    except ValueError as error:
        raise ApprehendError(f"{results}: {error}") from error
    show(*paper.summary)
    say(f"paper: {output_path / 'index.html'}")


def stores_at(paths: Sequence[Path]) -> list[TaskStore]:
    """Stores of results folders and of models' folders inside them, each once.

    Raises UsageError for a path that is neither, or for two stores of the same model and task.
    """
    found: dict[tuple[str, str], TaskStore] = {}
    for path in paths:
        inside = sorted(file.parent for file in path.glob("*/manifest.json"))
        own = [TaskStore(folder) for folder in inside] if inside else Results(path).stores()
        for store in own:
            before = found.setdefault((store.model, store.task), store)
            if before.path.resolve() != store.path.resolve():
                raise UsageError(
                    f"{store.path} and {before.path} hold the same model and task; rename one "
                    "of the folders"
                )
    return list(found.values())


def write_comparison(
    paths: Sequence[Path], output_path: Path, paper_filter: bool, replicates: int, seed: int
) -> None:
    """Models beside each other, paired."""
    data = input_of(stores_at(paths))
    rows: Rows = "paper" if paper_filter else "all"
    result = build_comparison(data, output_path, rows, replicates, seed)
    show(*result.summary)
    say(f"comparison: {output_path / 'index.html'}")


def evaluated_with(
    results: Path, estimator: str, model: str | None, task: str | None
) -> list[Evaluation]:
    """Rows of the models and tasks that an estimator scored, narrowed by their names.

    Raises UsageError, with what is there, where nothing is left.
    """
    found = evaluations(report_input(Results(results)))
    for option, wanted in (("model", model), ("task", task)):
        names = list(dict.fromkeys(getattr(one, option) for one in found))
        if wanted is not None and wanted not in names:
            near = did_you_mean(wanted, names)
            raise UsageError(f"{results}: no {option} {wanted!r}, found: {', '.join(names)}{near}")
        found = [one for one in found if wanted in (None, getattr(one, option))]
    names = list(dict.fromkeys(name for one in found for name in one.estimators))
    left = [one for one in found if estimator in one.estimators]
    if not left:
        near = did_you_mean(estimator, names)
        raise UsageError(f"no scores by {estimator!r}, found: {', '.join(names)}{near}")
    return left


def write_analyses(paths: Sequence[Path], output_path: Path) -> None:
    """What the stored models say about the benchmark."""
    result = build_benchmark_analyses(input_of(stores_at(paths)), output_path)
    show(*result.summary)
    say(f"analyses: {output_path / 'index.html'}")
