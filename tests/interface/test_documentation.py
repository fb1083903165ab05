"""The examples of docs/python.md, run from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from helpers import ROOT
from sklearn.metrics import roc_auc_score

GUIDE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "guide"}
    with mpl.rc_context({"backend": "agg"}):
        for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
            exec(compile(block, "docs/python.md", "exec"), names)
        mpl.pyplot.close("all")
    table = names["table"].set_index(["estimator", "group", "metric"])["value"]
    expected = roc_auc_score(names["errors"], names["frame"]["option_entropy"])
    assert table["option_entropy", "all", "roc_auc"] == pytest.approx(expected, abs=1e-12)
    assert (tmp_path / "results" / "report" / "index.html").is_file()
    assert names["model"].score(np.log(names["probs"]), names["errors"]) > 0.5
