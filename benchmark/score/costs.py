"""What answers, signals and estimators took, by the manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ...estimators.registry import builtin_estimators
from ...estimators.signals.batch import Need
from ..store.task_store import Results, TaskStore
from .signal_loading import outcome_signal


def costs_of(store: TaskStore, scores: pd.DataFrame) -> pd.DataFrame:
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
    costs: Mapping[str, Mapping[str, float]] = store.manifest.get("costs", {})
    for item, line in costs.items():
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
