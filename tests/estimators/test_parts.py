"""Estimators of one part of a chain of thought: as if the text were that part alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from apprehend.estimators import builtin_estimators, evaluate, reasons
from apprehend.estimators.core.trace_parts import OverTokens
from apprehend.estimators.signals.batch import Signal
from estimator_cases import Case, make_case
from estimator_oracles_of_many import ORACLES

READERS = [name for name, cls in builtin_estimators().items() if issubclass(cls, OverTokens)]
COLUMNS = ("token_logprobs", "token_entropies", "token_top_logprobs", "token_uniform_kl")


def split(case: Case, begins: list[int]) -> Case:
    table = replace(case.signals.trace, answer_start=np.array(begins))
    tables = {**case.signals.tables, Signal.TRACE: table}
    return replace(case, signals=replace(case.signals, tables=tables))


def part_alone(case: Case, part: str) -> Case:
    """The same case, with nothing stored of the other part."""
    table = case.signals.trace
    columns = {}
    for name in COLUMNS:
        values = np.full_like(getattr(table, name), np.nan)
        for row, begin in enumerate(table.answer_start.tolist()):
            whole = getattr(table, name)[row]
            if begin >= 0:
                own = whole[:begin] if part == "reasoning" else whole[begin:]
                values[row, : len(own)] = own
        columns[name] = values
    trace = {
        row: steps[:begin] if part == "reasoning" else steps[begin:]
        for row, steps in case.trace.items()
        if (begin := int(table.answer_start[row])) >= 0
    }
    tables = {**case.signals.tables, Signal.TRACE: replace(table, **columns)}
    return replace(case, signals=replace(case.signals, tables=tables), trace=trace)


def test_all_estimators_of_tokens_read_parts() -> None:
    assert len(READERS) == 12
    assert {"cot_mean_entropy", "perplexity", "weighted_epr"} <= set(READERS)


@pytest.mark.parametrize("part", ["reasoning", "answer"])
@pytest.mark.parametrize("name", [name for name in READERS if name in ORACLES])
def test_a_part_is_scored_as_if_it_were_the_text(name: str, part: str) -> None:
    for seed in range(20):
        case = make_case(seed)
        lengths = (~np.isnan(case.signals.trace.token_entropies)).sum(axis=1)
        rng = np.random.default_rng(seed)
        case = split(case, [int(rng.integers(-1, n + 1)) for n in lengths])
        alone = part_alone(case, part)
        estimator = builtin_estimators()[name](part=part)
        scores = evaluate(estimator, case.signals)
        why = reasons(estimator, case.signals, scores)
        for row, score in enumerate(scores.tolist()):
            expected = ORACLES[name](alone, row)
            if expected is None:
                assert math.isnan(score)
                assert why[row]
            else:
                assert score == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_why_a_part_has_no_score() -> None:
    case = make_case(11)
    count = len(case.signals.question_id)
    case = split(case, [0] * count)
    estimator = builtin_estimators()["cot_mean_entropy"](part="reasoning")
    scores = evaluate(estimator, case.signals)
    assert np.isnan(scores).all()
    there = case.signals.trace.present
    said = {w for w, p in zip(reasons(estimator, case.signals, scores), there, strict=True) if p}
    assert said == {"no tokens of a reasoning part"}
    older = split(case, [-1] * count)
    said = {w for w, p in zip(reasons(estimator, older.signals, scores), there, strict=True) if p}
    assert said == {"where the answer begins is not stored"}
    assert estimator.label == "cot_mean_entropy(part='reasoning')"
