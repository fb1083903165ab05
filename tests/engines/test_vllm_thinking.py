"""Thinking models on vLLM itself: marks, stop texts, budgets and forced answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from thinking_cases import asked
from thinking_styles import STYLES, write_style
from vllm_runs import differences, needs_vllm, with_vllm

pytestmark = needs_vllm


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    """Style → what vLLM's engine, and ours, make of its model."""
    folder = tmp_path_factory.mktemp("styles")
    models = [write_style(folder / name, style) for name, style in STYLES.items()]
    output = folder / "found.json"
    command = [sys.executable, str(Path(__file__).parents[1] / "thinking_cases.py"), str(output)]
    done = subprocess.run(
        [*command, *map(str, models)],
        capture_output=True, text=True, timeout=1800, check=False, env=with_vllm(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    mine = json.loads(output.read_text())
    ours = {
        model.name: asked(HFEngine({"pretrained": str(model), "dtype": "float32"}, 8, "cpu"))
        for model in models
    }
    return {name: (mine[name], json.loads(json.dumps(own))) for name, own in ours.items()}


@pytest.mark.parametrize("style", STYLES)
def test_thinking_models_are_those_of_the_hf_engine(
    found: dict[str, tuple[Any, Any]], style: str
) -> None:
    mine, theirs = found[style]
    assert mine["stopped"]["text"].rstrip().endswith("The answer is [[B]].")
    assert [text["answer_start"] for text in mine["cut"]] == [None] * 4
    assert mine["budget 3"]["thought_closed"]
    assert differences(mine, theirs) == []
