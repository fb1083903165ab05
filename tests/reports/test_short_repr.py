"""Results print in a line, whatever they hold."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import apprehend.reports
import numpy as np
import pytest
from apprehend.estimators import CrossFitted
from apprehend.reports import (
    ReportInput,
    bootstrap_roc_auc,
    build_report,
    calibration_bins,
    compute_analyses,
    evaluations,
)
from apprehend.reports.statistics.ranking import TieBlocks
from apprehend.reports.statistics.short_repr import shortened

ARRAYS = re.compile("Array|Floats|DataFrame|Series|Counts")


def results() -> Iterator[type]:
    """Every dataclass of the reports that holds arrays or frames."""
    package = apprehend.reports
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for cls in vars(module).values():
            if inspect.isclass(cls) and dataclasses.is_dataclass(cls):
                held = [str(one.type) for one in dataclasses.fields(cls)]
                if cls.__module__ == module.__name__ and any(map(ARRAYS.search, held)):
                    yield cls


@pytest.mark.parametrize("cls", list(results()), ids=lambda cls: cls.__name__)
def test_every_result_prints_sizes_instead_of_values(cls: type) -> None:
    """Whatever the fields hold: an instance with a large array in each of them."""
    large = np.arange(100_000.0)
    one = object.__new__(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        object.__setattr__(one, field.name, large)
    shown = repr(one)
    count = len(dataclasses.fields(cls))  # type: ignore[arg-type]
    assert shown.startswith(f"{cls.__name__}(")
    assert shown.count("<float64 (100000,)>") == count
    assert len(shown) < 60 * count + 40


def test_an_interval_shows_its_value_and_ends() -> None:
    rng = np.random.default_rng(0)
    errors = rng.random(200) < 0.5
    found = bootstrap_roc_auc(errors, rng.random(200) + errors, replicates=1000)
    assert repr(found) == (
        f"BootstrapInterval(estimate={found.estimate!r}, low={found.low!r}, high={found.high!r}, "
        "replicates=<float64 (1000,)>)"
    )


def test_real_results_fit_into_a_few_lines(full_input: dict[str, Any], tmp_path: Any) -> None:
    data = ReportInput(**full_input)
    report = build_report(data, tmp_path, replicates=5, formats=())
    analyses = compute_analyses(data, replicates=5)
    errors = np.arange(50) % 2 == 0
    crossed = CrossFitted(np.zeros(900), np.arange(900) % 5, np.full(900, None, dtype=object))
    assert repr(crossed) == "CrossFitted(<900 scores, 5 folds>)"
    kinds: list[Any] = [data, report, analyses, *evaluations(data)]
    kinds += [TieBlocks.from_rows(errors, np.arange(50)), calibration_bins(errors, errors / 2)]
    for one in kinds:
        assert "\n" not in repr(one)
        assert len(repr(one)) < 1600


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.zeros((2, 3)), "<float64 (2, 3)>"),
        ([1, 2.5, "a", None], "[1, 2.5, 'a', None]"),
        ([1, 2, 3, 4, 5], "<list of 5>"),
        ([np.zeros(3)], "<list of 1>"),
        (frozenset({"a"}), "['a']"),
        ({"a": 1}, "<dict of 1>"),
        ({}, "{}"),
        ("x" * 100, "'" + "x" * 58 + "…"),
        (float("nan"), "nan"),
    ],
)
def test_values_are_shortened(value: Any, shown: str) -> None:
    assert shortened(value) == shown
