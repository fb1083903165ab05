"""Effective number of models in a committee, and of questions in a topic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...statistics.ranking import FloatArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study, rows_of

EFFECTIVE_COLUMNS = ("task", "of", "topic", "n", "others", "effective", "effective_order_2")


def effective_number(eigenvalues: FloatArray, order: float = 1.0) -> float:
    """Compute exp of the Rényi entropy of eigenvalues that sum to 1 (the Vendi score).

    Args:
        eigenvalues: (k,) eigenvalues of K/n; negative ones count as 0.
        order: order q of the Rényi entropy, positive; 1 is Shannon's.

    Returns:
        Value in [1, n]: n for n orthogonal items, 1 for equal ones.

    References:
        Friedman and Dieng, arXiv 2210.02410; Pasarkar and Dieng, arXiv 2310.12952 (order q).
    """
    positive: FloatArray = eigenvalues[eigenvalues > 0]
    p: FloatArray = positive / float(positive.sum())
    if abs(order - 1.0) < 1e-12:
        return float(np.exp(-(p * np.log(p)).sum()))
    total = float((p**order).sum())
    return float(total ** (1 / (1 - order)))


def error_agreement(errors: FloatArray) -> FloatArray:
    """Compute the eigenvalues of K/n for n columns of errors (m, n) without NaN.

    K is the share of the m rows on which two columns agree. It is a Gram matrix of m + 1 features,
    so that n may be large: (1 + s·s'/m) / 2 with s = ±1.
    """
    m, n = errors.shape
    signs: FloatArray = np.where(errors > 0.5, 1.0, -1.0)
    features: FloatArray = np.concatenate([np.ones((1, n)), signs / np.sqrt(m)]) / np.sqrt(2)
    # Both products have the same eigenvalues but for zeros: the smaller one is cheaper.
    gram: FloatArray = features @ features.T if m < n else features.T @ features
    return np.linalg.eigvalsh(gram / n)


def answer_agreement(answers: np.typing.NDArray[np.object_]) -> FloatArray:
    """Compute the eigenvalues of K/m for m rows of answers (m, q); K is the share equal.

    A missing answer (None) equals no other one, only itself.
    """
    codes = pd.factorize(answers.ravel())[0].reshape(answers.shape)
    m = len(codes)
    same = np.ones((m, m))
    for row in range(m):
        equal = (codes == codes[row]) & (codes[row] >= 0)
        same[row] = equal.mean(axis=1)
        same[row, row] = 1.0
    return np.linalg.eigvalsh(same / m).astype(np.float64)


@benchmark_analysis(
    file="effective_numbers",
    title="Effective number of models and questions",
    meaning="exp of the entropy of the eigenvalues of the agreement matrix: how many models with "
    "unrelated answers a committee is worth, and how many questions with unrelated errors a topic "
    "is. Order 2 weighs the common part more.",
    limits="The number of questions cannot exceed the number of models plus one, since so few "
    "models cannot tell more questions apart: compare topics with each other, never with n.",
    requires="three models on one task",
    source="arXiv 2210.02410; order q: arXiv 2310.12952",
    columns=(
        *(Shown(name, name, "text") for name in ("task", "of", "topic")),
        Shown("n", "n", "count"),
        Shown("seen by", "others", "count"),
        Shown("effective number", "effective", "plain3"),
        Shown("of order 2", "effective_order_2", "plain3"),
    ),
)
def compute_effective_numbers(study: Study) -> pd.DataFrame:
    """Compute effective numbers of models (by answers, by errors) and of questions per topic.

    On questions that all models of a task were asked.
    """
    records: list[dict[str, Any]] = []
    for task in study.tasks:
        own, matrix = study.on(task), study.matrix(task)
        common = ~np.isnan(matrix.errors).any(axis=0)
        if len(own) < 3 or not common.any():
            continue
        errors, ids = matrix.errors[:, common], matrix.question_ids[common]
        answers = np.array([e.answers[rows_of(e, ids)] for e in own], dtype=object)
        m, q = errors.shape
        found = [("models by answers", "all", m, q, answer_agreement(answers))]
        found += [("models by errors", "all", m, q, error_agreement(errors.T))]
        topics = matrix.topics[common]
        for topic in ["all", *sorted({str(t) for t in topics})]:
            members = np.ones(q, dtype=np.bool_) if topic == "all" else topics == topic
            part = errors[:, members]
            found.append(("questions", topic, part.shape[1], m, error_agreement(part)))
        records += [
            {
                **{"task": task, "of": what, "topic": topic, "n": n, "others": others},
                **{"effective": effective_number(values)},
                "effective_order_2": effective_number(values, 2.0),
            }
            for what, topic, n, others, values in found
        ]
    return pd.DataFrame.from_records(records, columns=list(EFFECTIVE_COLUMNS))
