"""CSV files for spreadsheets: no text is a formula, every text comes back, numbers stay numbers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import csv_text, undefused
from apprehend.reports.frames.csv_files import defused
from helpers import in_process
from hypothesis import given
from hypothesis import strategies as st

FORMULAS = ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "'=1", "-"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert defused(text) == "'" + text
    assert undefused(defused(text)) == text


@pytest.mark.parametrize(
    "cell", ["a=b", "law", "", "–", "-1.5", "+2", "-inf", -1, -1.5, None, True]
)
def test_other_cells_stay(cell: object) -> None:
    assert defused(cell) == cell


@given(st.text() | st.text("'=+-@1\t\r"))
def test_every_text_comes_back(text: str) -> None:
    assert undefused(defused(text)) == text


def test_frames_go_to_csv_and_back() -> None:
    frame = pd.DataFrame(
        {"model": ["=m", "n"], "=h": [-1.5, np.nan], "n": [-1, 2], "kept": [True, False],
         "mixed": pd.Series(["-x", -3], dtype=object)}
    )  # fmt: skip
    frame["twice"] = pd.Categorical(["@a", "b"])
    text = csv_text(frame)
    assert text.splitlines()[0] == "model,'=h,n,kept,mixed,twice"
    back = pd.read_csv(io.StringIO(text))
    assert back["'=h"].dtype == float
    assert back["n"].tolist() == [-1, 2]
    assert back["model"].map(undefused).tolist() == ["=m", "n"]
    assert back["mixed"].tolist() == ["'-x", "-3"]
    plain = pd.DataFrame({"a": ["x", "y"], "b": [0.1, -2]})
    assert csv_text(plain) == plain.to_csv(index=False)


def is_formula(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    return False


def test_no_csv_file_of_a_report_has_a_formula(tmp_path: Path) -> None:
    frame = {
        "id": range(40), "gold": ["A", "B"] * 20, "pred": ["A"] * 40,
        "topic": ["=cmd|x", "@law"] * 20, "h": [number / 40 - 0.5 for number in range(40)],
    }  # fmt: skip
    pd.DataFrame(frame).to_csv(tmp_path / "t.csv", index=False)
    for command in (
        ["import", "table", "t.csv", "--model", "=m", "--id", "id", "--answer", "gold",
         "--prediction", "pred", "--topic", "topic", "--score", "@1+h=h", "--output_path", "r"],
        ["report", "r", "--output_path", "report", "--formats", "svg"],
        ["split", "r", "--by", "@1+h", "--groups=-a,+b"],
        ["threshold", "r", "--estimator", "@1+h", "--output_path", "threshold.csv"],
    ):  # fmt: skip
        done = in_process(command, tmp_path)
        assert done.returncode == 0, done.stderr
    files = [*tmp_path.rglob("report/**/*.csv"), tmp_path / "split.csv", tmp_path / "threshold.csv"]
    assert len(files) >= 6
    for file in files:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, header=None)
        for cell in table.to_numpy().ravel():
            assert not is_formula(cell), (file, cell)
    metrics = pd.read_csv(tmp_path / "report" / "metrics.csv")
    assert {"@1+h", "random"} <= set(metrics["estimator"].map(undefused))
