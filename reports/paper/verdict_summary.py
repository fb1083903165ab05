"""Sentences that count the published values by verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..frames.formatting import number
from .verdicts import DIFFERS, REPRODUCED, UNKNOWN


def verdict_summary(verdicts: pd.DataFrame) -> list[str]:
    """Count the reproduced values by stored model and task."""
    lines = [counted_verdicts(verdicts, "ROC AUCs")]
    known = verdicts[verdicts["verdict"] != UNKNOWN]
    for (model, task, source), part in known.groupby(["stored_model", "stored_task", "source"]):
        same = int((part["verdict"] == REPRODUCED).sum())
        gap = float(np.median(np.abs(part["difference"].astype(float))))
        reasons = part.loc[part["verdict"] == DIFFERS, "reason"].str.split(":").str[0]
        why = ", ".join(f"{name} ({n})" for name, n in reasons.value_counts().items())
        lines.append(
            f"{model} on {task} against {source}: {same} of {len(part)} reproduced, median "
            f"absolute difference {number(gap)}{'; explanations: ' + why if why else ''}."
        )
    return lines


def counted_verdicts(verdicts: pd.DataFrame, what: str) -> str:
    """Count published values by verdict in a sentence."""
    counts = verdicts["verdict"].value_counts()
    return (
        f"Of {len(verdicts)} published {what}, {int(counts.get(REPRODUCED, 0))} are reproduced, "
        f"{int(counts.get(DIFFERS, 0))} differ, and {int(counts.get(UNKNOWN, 0))} are "
        f"{UNKNOWN}."
    )
