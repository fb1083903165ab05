"""The costs of answers, signals and estimators, from the manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ...estimators.registry import builtin_estimators
from ...estimators.signals.batch import Need
from ..score.signal_loading import outcome_signal
from ..store.task_store import Results, TaskStore


def costs_of(store: TaskStore, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the costs of each signal, and per estimator the sum over its signals.

    Columns: model, task, item, kind (``signal`` or ``estimator``), questions, seconds, tokens,
    needs.
    """
    base = {"model": store.model, "task": store.task}
    rows = [
        {**base, "item": item, "kind": "signal", **amounts, "needs": None}
        for item, amounts in _spent(store).items()
    ]
    per_question = _per_question(store)
    for label in map(str, dict.fromkeys(scores["estimator"])):
        needs = _needs(label)
        used = _signals(needs) & set(per_question)
        if used:
            seconds, tokens = (sum(per_question[s][k] for s in used) for k in (0, 1))
            n = len(store.question_ids)
            amounts = {"questions": n, "seconds": n * seconds, "tokens": round(n * tokens)}
            text = ", ".join(map(str, needs))
            rows.append({**base, "item": label, "kind": "estimator", **amounts, "needs": text})
    return pd.DataFrame(rows)


def _spent(store: TaskStore) -> dict[str, dict[str, float]]:
    """Return, per item of the manifest's costs, the questions, seconds and tokens.

    Items without questions are left out.
    """
    spent = {}
    costs: Mapping[str, Mapping[str, float]] = store.manifest.get("costs", {})
    for item, line in costs.items():
        questions = max(line.get("questions", 0), line.get("judgements", 0))
        tokens = sum(line.get(name, 0) for name in ("prompt_tokens", "generated_tokens", "tokens"))
        if questions:
            seconds = line.get("seconds", 0.0)
            spent[item] = {"questions": questions, "seconds": seconds, "tokens": tokens}
    return spent


def _per_question(store: TaskStore) -> dict[str, tuple[float, float]]:
    """Return the seconds and tokens per question of each signal."""
    total: dict[str, dict[str, float]] = {}
    for item, amounts in _spent(store).items():
        own = total.setdefault(item.split()[0].split("[")[0], dict.fromkeys(amounts, 0.0))
        for name, amount in amounts.items():
            own[name] += amount
    return {
        signal: (own["seconds"] / own["questions"], own["tokens"] / own["questions"])
        for signal, own in total.items()
    }


def _needs(estimator: str) -> list[Need]:
    """Return the needs of a built-in estimator by its label; none for others."""
    cls = builtin_estimators().get(estimator.split("(", maxsplit=1)[0])
    return [] if cls is None else sorted(cls.requirements(), key=str)


def _signals(needs: Sequence[Need]) -> set[str]:
    return {signal.value for need in needs for signal in need.signals}


def measured_costs(
    results: Path, small: str, large: str, task: str, by: str
) -> tuple[float, float] | None:
    """Return the seconds per question of two models' answers, from their manifests.

    The small model's include those of the signals that the estimator ``by`` needs. None if one
    of them was not timed, as after an import.
    """
    stores = {store.model: store for store in Results(results).stores() if store.task == task}
    seconds = []
    for model, extra in ((small, _signals(_needs(by))), (large, set[str]())):
        spent, outcome = _per_question(stores[model]), outcome_signal(stores[model]).value
        if outcome not in spent:
            return None
        seconds.append(sum(spent[signal][0] for signal in ({outcome} | extra) & set(spent)))
    return seconds[0], seconds[1]
