"""Published values of arXiv 2503.01688 and 2506.21220, and how stored results compare with them.

Published values are as printed in the papers and in their authors' notebooks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..statistics.intervals import too_few
from .published_tables import other_positions, published

REPRODUCED, DIFFERS, UNKNOWN = "reproduced", "differs", "not reproducible from what is stored"
NOT_EXPLAINED = "not explained"
TOLERANCE = 0.001
ACCURACY_GAP = 0.015
VERDICT_COLUMNS = (
    *("source", "table", "model", "task", "estimator", "topic", "published", "published_n"),
    *("published_accuracy", "stored_model", "stored_task", "roc_auc", "roc_auc_low"),
    *("roc_auc_high", "n", "n_errors", "accuracy", "roc_auc_all_rows", "difference"),
    *("difference_low", "difference_high", "verdict", "reason"),
)
_NAMES = (
    ("Phi-4-mini", r"phi-?4-?mini"),
    ("Phi-4", r"phi-?4(?!-?mini)"),
    ("Mistral-24B", r"mistral.*24b"),
    ("Qwen2.5-1.5B", r"qwen-?2\.5-1\.5b"),
    ("Qwen2.5-3B", r"qwen-?2\.5-3b"),
    ("Qwen2.5-72B", r"qwen-?2\.5-72b"),
    ("Llama-3.2-3B", r"llama-3\.2-3b"),
    ("Qwen3-8B", r"qwen-?3-8b"),
)


def published_model(model: str) -> str | None:
    """The papers' name of a stored model, None for one that is not in them."""
    flat = re.sub(r"[_\s]+", "-", model.lower())
    return next((name for name, pattern in _NAMES if re.search(pattern, flat)), None)


def task_kind(task: str) -> str:
    """The papers' way of asking that a stored task stands for: direct, cot, …_dont_know."""
    flat = task.lower()
    kind = "cot" if re.search(r"(^|_)cot($|_)|chain", flat) else "direct"
    return f"{kind}_dont_know" if re.search(r"dont_know|fallback", flat) else kind


def compute_verdicts(paper: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    """One row per published ROC AUC, with what is stored beside it and a verdict.

    `paper` and `every` are metrics under the row conventions "paper" and "all". `difference` is
    stored - published, its interval that of the stored value. Verdicts: "reproduced" (the
    published value, widened by its rounding, lies in the stored interval, or within 0.001);
    "differs", with the reason that accounts for the size of the difference (sign, token position,
    row filter, n) or "not explained"; "not reproducible from what is stored", with what is
    lacking, errors or right answers for an interval among it.
    """
    stored = _Stored(paper, every)
    records = []
    for one in published("roc_auc").to_dict("records"):
        key = {str(name): value for name, value in one.items()}
        base = {
            **{name: key[name] for name in ("source", "table", "model", "task", "estimator")},
            **{"topic": key["topic"], "published": key["roc_auc"]},
            **{"published_n": key["n"], "published_accuracy": key["accuracy"]},
        }
        records.append(base | stored.verdict(key))
    return pd.DataFrame.from_records(records, columns=list(VERDICT_COLUMNS))


class _Stored:
    """Stored metrics, found by the papers' names."""

    def __init__(self, paper: pd.DataFrame, every: pd.DataFrame) -> None:
        self._rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self._all: dict[tuple[str, str, str, str], float] = {}
        self._names: dict[tuple[str, str], tuple[str, str]] = {}
        for key, one in self._known(every):
            self._all[key] = float(one["roc_auc"])
        for key, one in self._known(paper):
            self._rows[key] = one

    def _known(
        self, metrics: pd.DataFrame
    ) -> Iterator[tuple[tuple[str, str, str, str], dict[str, Any]]]:
        """Rows of the papers' models; of two runs of one model and way of asking the first."""
        for record in metrics.to_dict("records"):
            one = {str(name): value for name, value in record.items()}
            model, task = published_model(str(one["model"])), task_kind(str(one["task"]))
            own = (str(one["model"]), str(one["task"]))
            if model is not None and self._names.setdefault((model, task), own) == own:
                yield (model, task, str(one["estimator"]), str(one["topic"])), one

    def verdict(self, one: dict[str, Any]) -> dict[str, Any]:
        model, task, estimator, topic = (
            str(one[name]) for name in ("model", "task", "estimator", "topic")
        )
        key = (model, task, estimator, topic)
        row = self._rows.get(key)
        if row is None or np.isnan(row["roc_auc"]):
            return {"verdict": UNKNOWN, "reason": self._lacking(*key)}
        few = too_few(int(row["n_errors"]), int(row["n"]))
        if few:
            names, counts = self._names[model, task], ("n", "n_errors", "accuracy")
            stored = {"stored_model": names[0], "stored_task": names[1], "roc_auc": row["roc_auc"]}
            stored |= {name: row[name] for name in counts}
            return stored | {"verdict": UNKNOWN, "reason": few}
        rounding = 0.5 * 10.0 ** -int(one["digits"])
        low, high = float(row["roc_auc_low"]), float(row["roc_auc_high"])
        value, target = float(row["roc_auc"]), float(one["roc_auc"])
        names = self._names[model, task]
        reason = self._reason(key, row, one, rounding)
        return {
            **{"stored_model": names[0], "stored_task": names[1]},
            **{"roc_auc": value, "roc_auc_low": low, "roc_auc_high": high},
            **{name: row[name] for name in ("n", "n_errors", "accuracy")},
            "roc_auc_all_rows": self._all.get(key, float("nan")),
            **{"difference": value - target, "difference_low": low - target},
            **{"difference_high": high - target},
            "verdict": DIFFERS if reason else REPRODUCED,
            "reason": reason,
        }

    def _lacking(self, model: str, task: str, estimator: str, topic: str) -> str:
        if (model, task) not in self._names:
            return "model not stored with this way of asking"
        if not any(key[:3] == (model, task, estimator) for key in self._rows):
            return f"{estimator} not stored"
        return "no judge's labels stored" if "=" in topic else "topic not stored, or one class"

    def _reason(
        self,
        key: tuple[str, str, str, str],
        row: dict[str, Any],
        one: dict[str, Any],
        rounding: float,
    ) -> str:
        """Empty where reproduced, else the first explanation that accounts for the difference: the
        value that is computed so agrees with the published one."""
        target = float(one["roc_auc"])
        if _holds(row, target, rounding):
            return ""
        if _holds(row, 1 - target, rounding):
            return "sign: 1 - AUC agrees"
        other = self._rows.get((key[0], key[1], other_positions().get(key[2], ""), key[3]))
        if other is not None and _holds(other, target, rounding):
            return f"token position: {other_positions()[key[2]]} agrees"
        if abs(self._all.get(key, np.nan) - target) <= rounding + TOLERANCE:
            return "row filter: the value on all rows agrees"
        accuracy = one["accuracy"]
        if not pd.isna(accuracy) and abs(float(accuracy) - row["accuracy"]) > ACCURACY_GAP:
            return (
                f"{NOT_EXPLAINED}: accuracy {float(accuracy):.3f}, here {row['accuracy']:.3f}; the "
                "prompt may have had another format"
            )
        if not pd.isna(one["n"]) and abs(int(one["n"]) - int(row["n"])) > 0.01 * int(row["n"]):
            # Two samples of one kind: the published value varies too, by its number of rows.
            wider = float(np.sqrt(1 + int(row["n"]) / int(one["n"])))
            if _holds(row, target, rounding, wider):
                return f"n: {int(one['n'])} rows, here {int(row['n'])}; sampling varies that much"
        return NOT_EXPLAINED


def _holds(row: dict[str, Any], target: float, rounding: float, wider: float = 1.0) -> bool:
    """Whether the stored interval, `wider` times as wide and widened by the rounding, holds the
    target."""
    value = float(row["roc_auc"])
    near = abs(value - target) <= rounding + TOLERANCE
    low, high = (value + wider * (row[name] - value) for name in ("roc_auc_low", "roc_auc_high"))
    inside = low - rounding <= target <= high + rounding
    return bool(near or inside)
