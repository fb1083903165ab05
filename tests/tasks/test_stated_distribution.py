"""Stated probabilities of all options, in the forms in which models write them."""

from __future__ import annotations

import time

import pytest
from apprehend.tasks.reading.stated_distribution import read_stated_distribution
from apprehend.tasks.self_report_prompts import read_distribution, read_tenths
from apprehend.tasks.topics import letters

THIRDS = (0.3, 0.5, 0.2)


@pytest.mark.parametrize(
    "text",
    [
        "[[A: 30, B: 50, C: 20]]",
        "[[A: 30%, B: 50 %, C: 20 percent]]",
        "[[a: 0.3, b: 0.5, c: 0.2]]",
        "A: .3\nB: .5\nC: .2",
        '{"A": 0.3, "B": 0.5, "C": 0.2}',
        '```json\n{\n  "A": 30,\n  "B": 50,\n  "C": 20\n}\n```',
        "- **A**: 30%\n- **B**: 50%\n- **C**: 20%",
        "* **A. Paris**: 30%\n* **B. 42**: 50%\n* **C. Vitamin C: no**: 20%",
        "| Option | P |\n|---|---|\n| A | 30% |\n| B | 50% |\n| C | 20% |",
        "A. 42: 30%\nB. 17 m: 50%\nC. Vitamin C: 20%",
        "Option A (Paris): 30%\nOption B: 50%\nOption C: 20%.",
        "A 30%, B 50%, C 20%",
        "A. 30\nB. 50\nC. 20",
        "(A) = 0.3; (B) = 0.5; (C) = 0.2",
        "A -> 30%, B -> 50%, C → 20%",
        "A: ~30%, B: about 50%, C: <20%",
        "`A`: `0.3`, `B`: `0.5`, `C`: `0.2`",
        "I think A is 30%, B is 50% and C is 20%.",
        "A: 30% because the 2 agree. B: 50%, since. C: 20% too",
        "First A: 10, B: 20, C: 70.\n\nFinal: [[A: 30, B: 50, C: 20]]",
        "A: 10, B: 20, C: 70. No:\nA: 30\nB: 50\nC: 20",
        "[[see below]]\nA: 30, B: 50, C: 20",
    ],
)
def test_every_way_of_writing_is_read(text: str) -> None:
    stated = read_stated_distribution(text, letters(3))
    assert stated.values == pytest.approx(THIRDS)
    assert stated.reason is None


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[[C: 100]]", (0.0, 0.0, 1.0)),
        ("[[A: 1, B: 0, C: 0]]", (1.0, 0.0, 0.0)),
        ("[[A: 99, B: 99, C: 99]]", (0.99, 0.99, 0.99)),  # as stated, not normalized
        ("[[A: 0.5%, B: 0.5%, C: 99%]]", (0.005, 0.005, 0.99)),
        ("A: 60, B: 40", (0.6, 0.4, 0.0)),
    ],
)
def test_numbers_are_kept_as_stated(text: str, values: tuple[float, ...]) -> None:
    assert read_stated_distribution(text, letters(3)).values == pytest.approx(values)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "probabilities of 0 of 3 options"),
        ("I cannot say.", "probabilities of 0 of 3 options"),
        ("[[A: percent, B: percent, C: percent]]", "probabilities of 0 of 3 options"),
        ("A: 60, B: 30", "probabilities of 2 of 3 options"),
        ("A: 130, B: 0, C: 0", "probabilities of 3 of 3 options"),
        ("On a scale of 0-100: 85", "probabilities of 0 of 3 options"),
        ("A. 42: 30%, B. 17: 70%", "probabilities of 1 of 3 options"),
        ("[[A: 0, B: 0, C: 0]]", "stated probabilities are all 0"),
    ],
)
def test_what_is_no_distribution_is_not_guessed(text: str, reason: str) -> None:
    assert read_stated_distribution(text, letters(3)).reason == reason
    report = read_distribution(text, letters(3))
    assert report.value is None
    assert report.reason is not None
    assert report.reason.startswith(f"confidence not parsed: {reason}: ")


@pytest.mark.parametrize("count", [2, 10, 20])
def test_labels_may_be_letters_or_numbers(count: int) -> None:
    for labels in (letters(count), [str(place + 1) for place in range(count)]):
        shares = [(place + 1) / 400 for place in range(count)]
        text = ", ".join(f"{x}: {100 * p:g}%" for x, p in zip(labels, shares, strict=True))
        assert read_stated_distribution(text, labels).values == pytest.approx(shares)
        lines = "\n".join(f"{x}) {100 * p:g} %" for x, p in zip(labels, shares, strict=True))
        assert read_stated_distribution(lines, labels).values == pytest.approx(shares)


@pytest.mark.parametrize(
    "text", ["A" * 20000, "A: " * 9000, "A. " * 9000 + "1", "A:1 " * 8000, " " * 20000, "| " * 9000]
)
def test_no_reply_is_slow_to_read(text: str) -> None:
    began = time.perf_counter()
    read_stated_distribution(text, letters(10))
    assert time.perf_counter() - began < 1.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[[7]]", 0.7),
        ("[[7/10]]", 0.7),
        ("[[ 10 ]]", 1.0),
        ("[[0]]", 0.0),
        ("from 0 to 10: [[8.5]]", 0.85),
        ("[[11]]", None),
        ("[[85]]", None),
        ("[[7%]]", None),
        ("7", None),
    ],
)
def test_numbers_on_the_scale_of_ten(text: str, value: float | None) -> None:
    report = read_tenths(text, letters(4))
    assert report.value == (None if value is None else pytest.approx(value))
    assert (report.reason is None) == (value is not None)
