"""How the judges judge: what they say, how sure their ratings are, whether they agree."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ..frames.inputs import ReportInput
from ..metrics.evaluation import PAPER_RATING, keys
from ..statistics.ranking import FloatArray

JUDGE_COLUMNS = (
    *("task", "questionnaire", "judge", "n", "unread", "values", "top_share", "mean", "rated"),
    *("rating_mean", "rating_top_share", "rating_kept"),
)
LABEL_COLUMNS = ("task", "questionnaire", "judge", "label", "value", "n", "share")
AGREEMENT_COLUMNS = (
    *("task", "questionnaire", "judge_a", "judge_b", "n", "agreement", "kappa"),
    *("weighted_kappa", "spearman"),
)
TOP_RATING = 10.0


def compute_judges(data: ReportInput) -> pd.DataFrame:
    """Per task, questionnaire and judge: replies, unread ones, and saturation.

    values: number of distinct values; top_share: share of the most frequent one; rating_top_share:
    share of ratings at 10, rating_kept: share of at least 9, which is what the paper's filter
    keeps. Shares lie in [0, 1]; a share near 1 means that the judge does not discriminate.
    """
    records: list[dict[str, Any]] = []
    for key, part in _panels(data.judgements):
        value = part["value"].astype(float).dropna()
        rating = part["rating"].astype(float).dropna()
        records.append(
            {
                **key,
                **{"n": len(part), "unread": int(part["value"].isna().sum())},
                **{"values": value.nunique(), "mean": value.mean() if len(value) else np.nan},
                "top_share": value.value_counts(normalize=True).max() if len(value) else np.nan,
                **{"rated": len(rating), "rating_mean": rating.mean() if len(rating) else np.nan},
                "rating_top_share": _share(rating >= TOP_RATING),
                "rating_kept": _share(rating >= PAPER_RATING),
            }
        )
    return pd.DataFrame.from_records(records, columns=list(JUDGE_COLUMNS))


def _share(flags: pd.Series[bool]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _panels(judgements: pd.DataFrame) -> list[tuple[dict[str, str], pd.DataFrame]]:
    names = ["task", "questionnaire", "judge"]
    return [
        (dict(zip(names, map(str, key), strict=True)), part)
        for key, part in judgements.groupby(names, sort=False)
    ]


def compute_labels(data: ReportInput) -> pd.DataFrame:
    """Shares of the judges' labels, or of their values in tenths where they give numbers.

    value: what the label stands for, in [0, 1]; labels ascend in it, those without one come last.
    """
    frames: list[pd.DataFrame] = []
    for key, part in _panels(data.judgements):
        label = part["label"].where(part["label"].notna(), None)
        if label.isna().all():
            label = part["value"].astype(float).round(1).map(lambda v: None if np.isnan(v) else v)
        label = label.dropna().astype(str)
        values = part["value"].astype(float).groupby(label).agg(["mean", "size"]).reset_index()
        values.columns = pd.Index(["label", "value", "n"])
        values["share"] = values["n"] / values["n"].sum()
        values = values.sort_values(["value", "label"], kind="stable", na_position="last")
        frames.append(values.assign(**key)[list(LABEL_COLUMNS)])
    if not frames:
        return pd.DataFrame(columns=list(LABEL_COLUMNS))
    return pd.concat(frames, ignore_index=True)


def compute_agreement(data: ReportInput) -> pd.DataFrame:
    """Per task, questionnaire and pair of judges: do they say the same of the same questions?

    agreement: share of equal values; kappa: Cohen's (1960), beyond chance; weighted_kappa: with
    squared distances (1968); spearman: rank correlation of the values.
    """
    records: list[dict[str, Any]] = []
    for (task, name), part in data.judgements.groupby(["task", "questionnaire"], sort=False):
        values = part.assign(key=keys(part["question_id"]), value=part["value"].astype(float))
        table = values.pivot_table(index="key", columns="judge", values="value", aggfunc="first")
        for a, b in combinations(table.columns, 2):
            pair = table[[a, b]].dropna()
            if len(pair) > 1:
                x, y = pair[a].to_numpy(np.float64), pair[b].to_numpy(np.float64)
                records.append(
                    {
                        **{"task": str(task), "questionnaire": str(name)},
                        **{"judge_a": str(a), "judge_b": str(b), "n": len(pair)},
                        **agreement(x, y),
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(AGREEMENT_COLUMNS))


def agreement(a: FloatArray, b: FloatArray) -> dict[str, float]:
    """Agreement of two judges' values (n,) on the same questions; see `compute_agreement`.

    Cohen's κ with squared distances of the values is Lin's (1989) concordance correlation of them.
    """
    from sklearn.metrics import cohen_kappa_score

    values, codes = np.unique(np.concatenate((a, b)), return_inverse=True)
    varied = values.size > 1
    by_chance = a.var() + b.var() + (a.mean() - b.mean()) ** 2
    ranked = min(np.ptp(a), np.ptp(b)) > 0
    return {
        "agreement": float((a == b).mean()),
        "kappa": float(cohen_kappa_score(codes[: a.size], codes[a.size :])) if varied else np.nan,
        "weighted_kappa": 1 - float(((a - b) ** 2).mean() / by_chance) if varied else np.nan,
        "spearman": float(spearmanr(a, b).statistic) if ranked else np.nan,
    }
