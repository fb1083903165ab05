"""Findings of recorded option probabilities and stated confidences; called by docs/recorded.py.

Writes before_after.csv, before_after_subjects.csv, stated_confidence.csv, families.csv and
findings.md; docs/recorded.md explains them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from apprehend.benchmark.reporting.report_inputs import report_input
from apprehend.benchmark.store.task_store import Results
from apprehend.estimators import builtin_estimators
from apprehend.reports import (
    Evaluation,
    accuracy_test,
    bootstrap_roc_auc,
    csv_text,
    evaluations,
    paired_models_test,
    paired_roc_auc_replicates,
    percentile_interval,
    roc_auc,
)

REGIMES = "mmlu_option_probs_direct_and_after_cot.parquet"
STATED = "verbalized_confidence_mmlu_1500.parquet"
PUBLISHED = "tables/published_verbalized_confidence_domains.csv"
DIRECT, AFTER, STATED_TASK = "mmlu_direct", "mmlu_after_cot", "mmlu_1500_stated"
ENTROPY = "option_entropy"
DOMAINS = {
    "applied_professional": "Applied",
    "factual_recall": "Factual",
    "formal_reasoning": "Formal",
    "humanities": "Human.",
    "natural_science": "Science",
    "social_moral": "Social",
}
SHORT = {
    "claude-opus-4-1": "Opus 4.1",
    "claude-opus-4-5": "Opus 4.5",
    "claude-opus-4-7": "Opus 4.7",
    "claude-sonnet-4": "Sonnet 4",
    "claude-sonnet-4-5": "Sonnet 4.5",
    "deepseek-r1-0528": "DeepSeek-R1",
    "deepseek-v3.2": "DeepSeek V3.2",
    "gemini-2.0-flash": "Gemini 2.0 Flash",
    "gemini-2.5-flash": "Gemini 2.5 Flash",
    "gemini-2.5-pro": "Gemini 2.5 Pro",
    "gemini-3.1-flash-lite-preview": "Gemini 3.1 FLite",
    "gemini-3.1-pro-preview": "Gemini 3.1 Pro",
    "gemma-3-1b": "Gemma 3 1B",
    "gemma-3-27b": "Gemma 3 27B",
    "gemma-4-31b": "Gemma 4 31B",
    "gpt-5.4-2026-03-05": "GPT-5.4",
    "gpt-5.4-nano-2026-03-17": "GPT-5.4 nano",
    "gpt-oss-120b": "GPT-oss-120B",
    "qwen3-235b-a22b-instruct-2507": "Qwen 235B",
    "qwen3-coder-480b-a35b-instruct": "Qwen Coder",
    "qwen3-next-80b-a3b-thinking": "Qwen Think",
    "glm-5": "GLM-5",
}
"""Names of the models in the published table of domains."""
REPLICATES = 1000


def model_names(path: Path) -> list[str]:
    """List the models of a file, as they are stored."""
    return sorted(set(pd.read_parquet(path, columns=["model"])["model"].astype(str)))


def stored_name(model: str) -> str:
    """Return a model's name as a folder: without vendor, and without a version after "@"."""
    return model.rsplit("/", 1)[-1].split("@", maxsplit=1)[0]


def imports(data: Path, made: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield model and arguments of one `apprehend import` each, for files converted below `made`.

    Option probabilities are normalized over the letters; questions of which no letter is among the
    top tokens are left out. A confidence is turned into the uncertainty 1 - confidence.
    """
    made.mkdir(parents=True, exist_ok=True)
    if (data / REGIMES).is_file():
        frame = pd.read_parquet(data / REGIMES)
        mass = np.array([float(np.sum(p)) for p in frame["option_probs"]])
        frame = frame[mass > 0].assign(mass=mass[mass > 0])
        frame["option_probs"] = [
            (np.asarray(p, np.float64) / m).tolist()
            for p, m in zip(frame["option_probs"], frame["mass"], strict=True)
        ]
        frame["prediction"] = ["ABCD"[int(np.argmax(p))] for p in frame["option_probs"]]
        for column in ("model", "regime", "subject", "answer"):
            frame[column] = frame[column].astype(str)
        frame.to_parquet(made / "regimes.parquet")
        for model in model_names(data / REGIMES):
            for regime, task in (("direct", DIRECT), ("after_cot", AFTER)):
                yield (
                    model,
                    [
                        *("table", str(made / "regimes.parquet"), "--model", model, "--task", task),
                        *("--id", "id", "--topic", "subject", "--answer", "answer"),
                        *("--prediction", "prediction", "--option_probs", "option_probs"),
                        *("--where", f"model={model}", "--where", f"regime={regime}"),
                    ],
                )
    if (data / STATED).is_file():
        frame = pd.read_parquet(data / STATED)
        for column in ("model", "domain", "answer", "correct_answer"):
            frame[column] = frame[column].astype(str)
        frame["answer"] = frame["answer"].where(frame["answer"].isin(list("ABCD")), None)
        frame["doubt"] = 1 - frame["confidence"] / 100
        frame.to_parquet(made / "stated.parquet")
        for model in model_names(data / STATED):
            yield (
                stored_name(model),
                [
                    *("table", str(made / "stated.parquet"), "--model", stored_name(model)),
                    *("--task", STATED_TASK, "--id", "item_id", "--topic", "domain"),
                    *("--answer", "correct_answer", "--prediction", "answer"),
                    *("--score", "verbalized_confidence=doubt", "--where", f"model={model}"),
                ],
            )


def before_after(evaluated: Sequence[Evaluation]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare direct answers with those after a chain of thought, on common questions.

    Returns:
        One row per model: accuracy, pooled and macro ROC AUC of the option entropy with paired 95 %
        intervals of the differences; and one row per model and subject.
    """
    tasks = {(one.model, one.task): one for one in evaluated}
    rows: list[dict[str, Any]] = []
    subjects: list[dict[str, Any]] = []
    for model in dict.fromkeys(one.model for one in evaluated):
        direct, after = tasks.get((model, DIRECT)), tasks.get((model, AFTER))
        if direct is None or after is None:
            continue
        common = np.intersect1d(direct.question_ids, after.question_ids)
        sides = (direct, after)
        at = [np.searchsorted(one.question_ids, common) for one in sides]
        errors = np.stack([one.errors[i] for one, i in zip(sides, at, strict=True)], axis=1)
        scores = np.stack(
            [one.raw[i, one.estimators.index(ENTROPY)] for one, i in zip(sides, at, strict=True)],
            axis=1,
        )
        accuracy = accuracy_test(errors[:, 1], errors[:, 0])
        area = paired_models_test(errors[:, 1], scores[:, 1], errors[:, 0], scores[:, 0])
        place = {int(row): k for k, row in enumerate(at[0])}
        drawn, values = [], []
        for topic, members in direct.topics.items():
            own = np.array([place[int(row)] for row in members if int(row) in place])
            row = _subject(errors[own], scores[own]) if own.size else {}
            if row:
                replicates = paired_roc_auc_replicates(errors[own], scores[own], REPLICATES, 0)
                drawn.append(replicates[:, 1] - replicates[:, 0])
                values.append(row["difference"])
                subjects.append({"model": model, "subject": topic, **row})
        macro = np.nanmean(np.array(drawn), axis=0)
        low, high = percentile_interval(macro)
        rows.append(
            {
                **{"model": model, "n": common.size},
                "left_out": np.union1d(direct.question_ids, after.question_ids).size - common.size,
                **{"accuracy_direct": accuracy.b, "accuracy_after": accuracy.a},
                **{"accuracy_change": accuracy.estimate, "accuracy_low": accuracy.low},
                **{"accuracy_high": accuracy.high, "auc_direct": area.b, "auc_after": area.a},
                **{"auc_change": area.estimate, "auc_low": area.low, "auc_high": area.high},
                **{"macro_change": float(np.mean(values)), "macro_low": low, "macro_high": high},
                **{"subjects": len(values), "subjects_lower": int((np.array(values) < 0).sum())},
            }
        )
    return pd.DataFrame(rows), pd.DataFrame(subjects)


def _subject(errors: Any, scores: Any) -> dict[str, Any]:
    """Compare one subject; empty with fewer than ten errors or right answers in either regime."""
    wrong = errors.sum(axis=0)
    if min(*wrong, *(len(errors) - wrong)) < 10:
        return {}
    test = paired_models_test(errors[:, 1], scores[:, 1], errors[:, 0], scores[:, 0])
    found = {"n": len(errors), "errors_direct": int(wrong[0]), "errors_after": int(wrong[1])}
    found |= {"auc_direct": test.b, "auc_after": test.a, "difference": test.estimate}
    return found | {"low": test.low, "high": test.high}


def stated_confidence(evaluated: Sequence[Evaluation], published: pd.DataFrame) -> pd.DataFrame:
    """Compute the ROC AUC of 1 - stated confidence per model and domain, beside the published one.

    On parsed answers; intervals as in every report.
    """
    known = {(m, d): row for m, d, row in zip(
        published["model"], published["domain"], published.to_dict("records"), strict=True
    )}  # fmt: skip
    rows: list[dict[str, Any]] = []
    for one in evaluated:
        if one.task != STATED_TASK:
            continue
        doubt = one.raw[:, one.estimators.index("verbalized_confidence")]
        for topic, members in {"all": np.arange(doubt.size), **one.topics}.items():
            used = members[~np.isnan(doubt[members]) & ~one.unparsed[members]]
            found = bootstrap_roc_auc(one.errors[used], doubt[used], REPLICATES, 0)
            row = known.get((SHORT.get(one.model, ""), DOMAINS.get(topic, "")), {})
            rows.append(
                {
                    **{"model": one.model, "domain": topic, "n": used.size},
                    **{"left_out": members.size - used.size},
                    **{"errors": int(one.errors[used].sum()), "roc_auc": found.estimate},
                    **{"low": found.low, "high": found.high},
                    **{"published": row.get("auroc"), "published_low": row.get("ci_lo")},
                    **{"published_high": row.get("ci_hi"), "published_n": row.get("n")},
                }
            )
    return pd.DataFrame(rows)


def families(evaluated: Sequence[Evaluation]) -> pd.DataFrame:
    """Summarize the ROC AUC of every estimator over all models and tasks that have it.

    Learned and control estimators included; only with ten errors and ten right answers.
    """
    kinds = {name: cls.family for name, cls in builtin_estimators().items()}
    rows: list[dict[str, Any]] = []
    for one in evaluated:
        for k, name in enumerate(one.estimators):
            known = ~np.isnan(one.scores[:, k])
            errors = one.errors[known]
            if min(int(errors.sum()), int((~errors).sum())) >= 10:
                area = roc_auc(errors, one.scores[known, k])
                rows.append({"family": kinds.get(name, "recorded"), "estimator": name,
                             "task": one.task, "model": one.model, "roc_auc": area})  # fmt: skip
    groups = pd.DataFrame(rows).groupby(["family", "estimator", "task"], sort=False)["roc_auc"]
    table = groups.agg(["size", "median", "min", "max"]).reset_index()
    return table.rename(columns={"size": "models"})


def _change(row: dict[str, Any], name: str) -> str:
    """Show a difference with its interval."""
    value, low, high = (f"{row[f'{name}_{end}']:+.3f}" for end in ("change", "low", "high"))
    return f"{value} [{low}, {high}]"


def sentences(pairs: pd.DataFrame, stated: pd.DataFrame) -> list[str]:
    """State the findings with n and what was left out."""
    lines = []
    for row in pairs.to_dict("records"):
        lines.append(
            f"- {row['model']}, {row['n']:,} questions ({row['left_out']} left out): accuracy "
            f"{row['accuracy_direct']:.3f} → {row['accuracy_after']:.3f} "
            f"({_change(row, 'accuracy')}); ROC AUC of the option entropy {row['auc_direct']:.3f} "
            f"→ {row['auc_after']:.3f} ({_change(row, 'auc')}); mean over {row['subjects']} "
            f"subjects {_change(row, 'macro')}, lower in {row['subjects_lower']} of them."
        )
    pooled = stated[stated["domain"] == "all"]
    domains = stated[stated["published"].notna()]
    if len(domains):
        gap = (domains["roc_auc"] - domains["published"]).abs()
        lines.append(
            f"- Stated confidence, {len(pooled)} models on up to 1,500 questions: ROC AUC from "
            f"{pooled['roc_auc'].min():.3f} to {pooled['roc_auc'].max():.3f}, median "
            f"{pooled['roc_auc'].median():.3f}; beside {len(domains)} published values by domain, "
            f"the mean absolute difference is {gap.mean():.3f} (largest {gap.max():.3f})."
        )
    return lines


def write_findings(data: Path, results: Path, more: Sequence[Path], output_path: Path) -> None:
    """Write all tables and findings.md below `output_path`."""
    output_path.mkdir(parents=True, exist_ok=True)
    evaluated = evaluations(report_input(Results(results)))
    pairs, subjects = before_after(evaluated)
    published = pd.read_csv(data / PUBLISHED)
    stated = stated_confidence(evaluated, published)
    others = [one for folder in more for one in evaluations(report_input(Results(folder)))]
    tables = {"before_after": pairs, "before_after_subjects": subjects, "stated_confidence": stated}
    tables["families"] = families([*others, *evaluated])
    for name, frame in tables.items():
        (output_path / f"{name}.csv").write_text(csv_text(frame), encoding="utf-8")
    text = "\n".join(sentences(pairs, stated)) + "\n"
    (output_path / "findings.md").write_text(text, encoding="utf-8")
