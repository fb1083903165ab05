"""Several judges in one run: a panel, from the command line and from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from faulty_server import Server, serving
from helpers import Run, in_process, rows

TASKS = {"tasks": "mmlu_pro_direct_law,mmlu_pro_cot_law", "limit": 4, "report": False}
PANEL = "masj_complexity,masj_education_level"


def from_command_line(folder: Path, server: Server) -> list[Any]:
    return [
        *("--tasks", TASKS["tasks"], "--limit", TASKS["limit"], "--no_report"),
        *("--judge", "local-chat-completions"),
        *("--judge_args", f"model=served,base_url={server.url}"),
        *("--judge", "hf", "--judge_args", "pretrained=embedded"),
        *("--judge_name", "far", "--judge_name", "near"),
    ]


def from_file(folder: Path, server: Server) -> list[Any]:
    served = {"model": "served", "base_url": server.url}
    config = {
        **TASKS,
        "judge": ["local-chat-completions", "hf"],
        "judge_args": [served, "pretrained=embedded"],
        "judge_name": ["far", "near"],
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(config))
    return ["--config", path]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [from_command_line, from_file])
def test_a_panel_is_asked_in_one_run(tmp_path: Path, cli: Run, arguments: Any) -> None:
    out = tmp_path / "out"
    command = ["run", "--model_args", "pretrained=embedded", "--data", "embedded",
               "--output_path", out, "--estimators", PANEL]  # fmt: skip
    with serving() as server:
        done = cli(*command, *arguments(tmp_path, server))
    assert done.returncode == 0, done.stderr
    for line in ("judgement complexity by far: 4 texts", "judgement complexity by near: 4 texts"):
        assert line in done.stderr
    for task in ("mmlu_pro_direct", "mmlu_pro_cot"):
        store = out / "embedded" / task
        said = rows(store, "judgement")
        assert said.groupby(["variant", "source"]).question_id.nunique().to_dict() == {
            (variant, source): 4
            for variant in ("complexity", "education_level")
            for source in ("far", "near")
        }
        judges = json.loads((store / "manifest.json").read_text())["judges"]
        assert {name: judge["engine"] for name, judge in judges.items()} == {
            "far": "local-chat-completions",
            "near": "hf",
        }
        scores = pd.read_parquet(store / "scores.parquet").set_index(["estimator", "question_id"])
        mean = said[said.variant == "complexity"].groupby("question_id")["value"].mean()
        got = scores.loc["masj_complexity"].score[mean.index.astype(str)]
        np.testing.assert_allclose(got, mean)


@pytest.mark.slow
def test_one_judge_in_a_file_needs_no_list(tmp_path: Path, cli: Run) -> None:
    config = {
        **TASKS,
        "model_args": {"pretrained": "embedded"},
        "judge": "hf",
        "judge_args": {"pretrained": "embedded"},
        "prompt": {},
        "data": "embedded",
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    out = tmp_path / "out"
    done = cli("run", "--config", tmp_path / "run.yaml", "--output_path", out)
    assert done.returncode == 0, done.stderr
    assert set(rows(out / "embedded/mmlu_pro_direct", "judgement").source) == {"embedded"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("model=j", "expected base_url=URL"),
        ("model=j,base_url=ftp://x", "base_url: expected http://"),
        ("model=j,base_url=http://127.0.0.1:9,timeout=0", "timeout: expected seconds above 0"),
        ("model=j,base_url=http://127.0.0.1:9,num_concurrent=0.5", "num_concurrent: expected a"),
        (
            "model=j,base_url=http://127.0.0.1:9,output_price=dear",
            "output_price: expected a number",
        ),
    ],
)
def test_arguments_of_a_judge_are_checked_before_a_question_is_asked(
    tmp_path: Path, given: str, said: str
) -> None:
    arguments = ["run", "--model_args", "pretrained=embedded", "--tasks", "mmlu_pro_direct_law",
                 "--data", "embedded", "--limit", "2", "--judge", "local-chat-completions",
                 "--judge_args", given, "--output_path", "out"]  # fmt: skip
    done = in_process(arguments, tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"--judge_args: {said}" in done.stderr
    assert not (tmp_path / "out").exists()
