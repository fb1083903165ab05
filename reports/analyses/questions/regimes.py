"""Accuracy under other regimes: without the question, with an instruction, after reasoning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...metrics.evaluation import Evaluation
from ...statistics.testing import accuracy_test
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study, rows_of

REGIME_COLUMNS = (
    *("model", "task", "regime", "topic", "n", "accuracy", "accuracy_as_asked", "gap", "low"),
    *("high", "p"),
)


@benchmark_analysis(
    file="regimes",
    title="Regimes: what the question, an instruction and reasoning add",
    meaning="Accuracy in another regime (no stem, shuffled stem, instruction, paraphrases, or "
    "another task such as one with a chain of thought) minus the accuracy as asked, paired by "
    "question. Accuracy from the options alone is a sign of shortcuts; the gain by a chain of "
    "thought says whether a topic needs reasoning, without a judge.",
    limits="A gap whose interval contains 0 says nothing; without a stem the chance level is one "
    "over the number of options, and a model that refuses counts as wrong.",
    requires="answers to other prompts, or another task with the same questions",
    source="McNemar 1947; regimes: arXiv 2403.07366, arXiv 2402.12483 (options alone)",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "regime", "topic")),
        Shown("n", "n", "count"),
        Shown("accuracy", "accuracy", "percent"),
        Shown("as asked", "accuracy_as_asked", "percent"),
        Shown("gap", "gap", "signed"),
        Shown("95 % interval", "low", "interval", "high"),
        Shown("p", "p", "p"),
    ),
)
def compute_regimes(study: Study) -> pd.DataFrame:
    """Compare every regime with the task as asked, per model and topic, on common questions."""
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        prompted = study.facts("prompted", evaluation)
        for variant, part in prompted.groupby("variant", sort=False):
            if str(variant) == "as asked":
                continue
            known = part[part["gold"].astype(float) >= 0]
            wrong = known["answer"].to_numpy() != known["gold"].to_numpy()
            rows = known["row"].to_numpy(dtype=np.int64)
            records += _gaps(evaluation, str(variant), rows, wrong)
        for other in study.evaluated:
            if other.model != evaluation.model or other.task == evaluation.task:
                continue
            at = rows_of(evaluation, other.question_ids)
            if (at >= 0).any():
                records += _gaps(evaluation, other.task, at[at >= 0], other.errors[at >= 0])
    return pd.DataFrame.from_records(records, columns=list(REGIME_COLUMNS))


def _gaps(
    evaluation: Evaluation,
    regime: str,
    rows: np.typing.NDArray[np.int64],
    wrong: np.typing.NDArray[np.bool_],
) -> list[dict[str, Any]]:
    records = []
    for topic, members in {"all": np.arange(evaluation.errors.size), **evaluation.topics}.items():
        inside = np.isin(rows, members)
        if not inside.any():
            continue
        test = accuracy_test(wrong[inside], evaluation.errors[rows[inside]])
        records.append(
            {
                **{"model": evaluation.model, "task": evaluation.task, "regime": regime},
                **{"topic": topic, "n": int(inside.sum()), "accuracy": test.a},
                **{"accuracy_as_asked": test.b, "gap": test.estimate},
                **{"low": test.low, "high": test.high, "p": test.p},
            }
        )
    return records


ASKED = ("num_fewshot", "apply_chat_template", "system_instruction", "prompts", "examples")
"""What a manifest says of the prompts."""
RERUN_COLUMNS = (
    *("task", "first", "second", "n", "same_answer", "kappa", "accuracy_first"),
    *("accuracy_second", "same_outcome", "p"),
)


def cohen_kappa(a: np.typing.NDArray[np.object_], b: np.typing.NDArray[np.object_]) -> float:
    """Compute Cohen's κ of two sequences of answers (n,); None is one; NaN without variation."""
    codes = pd.factorize(np.concatenate([a, b]), use_na_sentinel=False)[0]
    first, second = codes[: len(a)], codes[len(a) :]
    size = int(codes.max(initial=0)) + 1
    p = np.bincount(first, minlength=size) / max(len(a), 1)
    q = np.bincount(second, minlength=size) / max(len(b), 1)
    chance = float((p * q).sum())
    return (float((first == second).mean()) - chance) / (1 - chance) if chance < 1 else float("nan")


@benchmark_analysis(
    file="reruns",
    title="Agreement of repeated runs",
    meaning="Share of equal answers, and Cohen's κ, of two stored runs of the same model on the "
    "same task: below 1 the answers hang on more than model and prompt (sampling, batches, an "
    "endpoint that changed).",
    limits="Two greedy runs of a local model agree by construction; what one may conclude from a "
    "difference in accuracy between models is limited by that between reruns.",
    requires="two stores whose manifests name the same model and task",
    source="Cohen 1960; OracleProto (re-run stability)",
    columns=(
        *(Shown(name, name, "text") for name in ("task", "first", "second")),
        Shown("n", "n", "count"),
        Shown("same answer", "same_answer", "percent"),
        Shown("κ", "kappa"),
        Shown("same outcome", "same_outcome", "percent"),
        Shown("accuracy", "accuracy_first", "percent"),
        Shown("then", "accuracy_second", "percent"),
        Shown("p (McNemar)", "p", "p"),
    ),
)
def compute_reruns(study: Study) -> pd.DataFrame:
    """Compare every two stored runs of one model, by the identity in their manifests."""
    names = identities(study)
    records: list[dict[str, Any]] = []
    for task in study.tasks:
        own = study.on(task)
        for i, first in enumerate(own):
            for second in own[i + 1 :]:
                same = names.get((first.model, task))
                if same is None or same != names.get((second.model, task)):
                    continue
                at = rows_of(first, second.question_ids)
                rows, others = at[at >= 0], np.flatnonzero(at >= 0)
                if not rows.size:
                    continue
                a, b = first.answers[rows], second.answers[others]
                e, f = first.errors[rows], second.errors[others]
                equal = np.array([x == y for x, y in zip(a, b, strict=True)], dtype=np.bool_)
                records.append(
                    {
                        **{"task": task, "first": first.model, "second": second.model},
                        **{"n": rows.size, "same_answer": float(equal.mean())},
                        **{"kappa": cohen_kappa(a, b), "same_outcome": float((e == f).mean())},
                        "accuracy_first": float((~e).mean()),
                        "accuracy_second": float((~f).mean()),
                        "p": float(accuracy_test(e, f).p),
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(RERUN_COLUMNS))


def identities(study: Study) -> dict[tuple[str, str], str]:
    """Map (model folder, task folder) to what a manifest says of the model and of its prompts.

    Runs of equal value are runs of one model on one task, whatever they are called. Imported
    answers have none, since nothing says how they were made.
    """
    found: dict[tuple[str, str], str] = {}
    for manifest in study.data.manifests:
        about, task = manifest.get("model"), manifest.get("task")
        if not isinstance(about, Mapping) or manifest.get("imported"):
            continue
        arguments = about.get("arguments")
        served = arguments.get("model") if isinstance(arguments, Mapping) else None
        known = [about.get("pretrained") or served, about.get("revision"), about.get("fingerprint")]
        asked = [task.get(key) for key in ASKED] if isinstance(task, Mapping) else []
        if known[0]:
            key = str(manifest.get("model_folder")), str(manifest.get("task_folder"))
            found[key] = repr((known, asked))
    return found
