"""A judge behind HTTP: a real chat server on a free loopback port, serving the embedded model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from apprehend.tasks.dataset import embedded_file
from helpers import Run, environment, rows
from real_servers import free_port, serving

pytest.importorskip("fastapi", reason="needs transformers[serving]")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running ``transformers serve``."""
    command = (Path(sys.executable).parent / "transformers", "serve", "--device", "cpu")
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(command, "/health", environment(), log, 120) as address:
        yield address


def judge_arguments(address: str, **more: object) -> str:
    model = embedded_file("model")
    pairs = {"model": model, "base_url": f"{address}/v1/chat/completions", **more}
    return ",".join(f"{name}={value}" for name, value in pairs.items())


COMMON = ("run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
          "--device", "cpu",
          "--tasks", "mmlu_pro_direct_law,mmlu_pro_direct_math", "--limit", 4,
          "--estimators", "token_entropy,masj_complexity,masj_reasoning_steps")  # fmt: skip


@pytest.mark.slow
def test_a_chat_endpoint_judges_as_the_local_model_does(
    server: str, tmp_path: Path, cli: Run
) -> None:
    done = cli(
        *COMMON,
        "--judge",
        "local-chat-completions",
        "--judge_name",
        "judge",
        "--judge_args",
        judge_arguments(server),
        "--output_path",
        tmp_path / "http",
    )
    assert done.returncode == 0, done.stderr
    done = cli(
        *COMMON,
        "--judge",
        "hf",
        "--judge_args",
        "pretrained=embedded",
        "--judge_name",
        "judge",
        "--output_path",
        tmp_path / "local",
    )
    assert done.returncode == 0, done.stderr
    over, local = (
        rows(tmp_path / name / "embedded" / "mmlu_pro_direct", "judgement")
        for name in ("http", "local")
    )
    assert over.question_id.tolist() == local.question_id.tolist()
    assert over.variant.tolist() == local.variant.tolist()
    same = (over.value.fillna(-1) == local.value.fillna(-1)).mean()
    assert same > 0.9, pd.concat([over.text, local.text], axis=1).to_string()
    assert over.value.notna().mean() > 0.8


@pytest.mark.slow
def test_an_endpoint_that_is_not_there_loses_nothing(tmp_path: Path, cli: Run) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    done = cli(
        *COMMON,
        "--judge",
        "local-chat-completions",
        "--judge_name",
        "judge",
        "--judge_args",
        judge_arguments(address, max_retries=1),
        "--output_path",
        tmp_path,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("apprehend: error: judge judge:")
    assert "run again to resume" in last
    assert len(rows(tmp_path / "embedded" / "mmlu_pro_direct", "answer")) == 8
