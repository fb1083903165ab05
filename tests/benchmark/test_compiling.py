"""Text decoded by a compiled model on a static KV cache equals the text decoded without."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from apprehend.benchmark.console.errors import UsageError
from apprehend.benchmark.engines.hf import static
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.shared.engine import Generation, Sampling
from models import configs, make_model

PROMPTS = [
    f"The question is about law and history of {'what is a number ' * count}Answer"
    for count in (1, 9, 3, 2, 20, 5)
]
LIMIT = 24


def engine(folder: Path, **more: Any) -> HFEngine:
    return HFEngine({"pretrained": str(folder), **more}, "auto", "cpu")


def written(model: HFEngine) -> list[Generation]:
    """Greedy texts, and four samples of each prompt, some of which end early."""
    seeds = [[100 * prompt + sample for sample in range(4)] for prompt in range(len(PROMPTS))]
    return [
        *model.generate(PROMPTS, LIMIT),
        *model.generate(PROMPTS, LIMIT, ["e", "t"], Sampling(1.0, seeds)),
    ]


def check_same(some: list[Generation], others: list[Generation]) -> None:
    assert [one.text for one in some] == [one.text for one in others]
    for one, other in zip(some, others, strict=True):
        for name in ("token_logprobs", "token_entropies", "token_top_logprobs"):
            mine, theirs = np.array(getattr(one, name)), np.array(getattr(other, name))
            np.testing.assert_allclose(mine, theirs, atol=1e-4)


def check_compiled(folder: Path, caplog: pytest.LogCaptureFixture) -> static.Static:
    compiled = engine(folder, compile=True)
    check_same(written(compiled), written(engine(folder)))
    assert not [one for one in caplog.records if one.name.startswith("apprehend")]
    found = compiled._forward.static
    assert found is not None
    assert found._compiled is not None
    return found


@pytest.mark.parametrize("architecture", configs())
def test_every_architecture_is_one_graph(
    architecture: str, tmp_path: Path, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(static, "BACKEND", "aot_eager")
    found = check_compiled(make_model(tmp_path / "m", architecture), caplog)
    sizes = [rows.rows for rows in found._known]
    assert len(set(sizes)) == len(sizes) > 1, "rows that are finished did not leave"


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++, which torch.compile needs on CPUs")
def test_fused_kernels_write_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    check_compiled(make_model(tmp_path / "m", "llama"), caplog)


def test_half_precision(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(static, "BACKEND", "aot_eager")
    folder = make_model(tmp_path / "m", "llama")
    some = engine(folder, compile=True, dtype="bfloat16")
    others = engine(folder, dtype="bfloat16")
    assert some.model.dtype is torch.bfloat16
    for one, other in zip(some.generate(PROMPTS, 4), others.generate(PROMPTS, 4), strict=True):
        mine, theirs = one.token_entropies[:1], other.token_entropies[:1]
        np.testing.assert_allclose(mine, theirs, atol=0.05)
    assert some._forward.static is not None
    assert some._forward.static._compiled is not None


def test_what_cannot_be_compiled_is_written_without(
    tmp_path: Path, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no such compiler\nmore of it")

    def wrong(graph: Any, _: Any) -> Any:
        return lambda *inputs: tuple(
            out * 1.5 if torch.is_tensor(out) else out for out in graph(*inputs)
        )

    folder = make_model(tmp_path / "m", "llama")
    expected = written(engine(folder))
    for backend, why in ((broken, "no such compiler"), (wrong, "its logits change when compiled")):
        monkeypatch.setattr(static, "BACKEND", backend)
        with caplog.at_level(logging.WARNING):
            check_same(written(engine(folder, compile=True)), expected)
        assert [one.message for one in caplog.records if why in one.message] == [
            one.message for one in caplog.records if one.name.startswith("apprehend")
        ]
        assert sum(why in one.message for one in caplog.records) == 1
        caplog.clear()


def test_memory_that_runs_out_makes_fewer_rows(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(static, "BACKEND", "eager")
    folder = make_model(tmp_path / "m", "llama")
    expected = written(engine(folder))
    begin = static.StaticRows.begin

    def full(rows: static.StaticRows, *arguments: Any) -> None:
        if rows.rows > static.LEAST_ROWS:
            raise torch.OutOfMemoryError("no memory left")
        begin(rows, *arguments)

    monkeypatch.setattr(static.StaticRows, "begin", full)
    compiled = engine(folder, compile=True)
    check_same(written(compiled), expected)
    assert compiled._forward.static is not None
    assert {rows.rows for rows in compiled._forward.static._known} == {static.LEAST_ROWS}


def test_without_shared_prefixes_nothing_is_compiled(
    tmp_path: Path, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from apprehend.benchmark.engines.hf.forward import Forward

    folder = make_model(tmp_path / "m", "llama")
    expected = written(engine(folder))
    monkeypatch.setattr(Forward, "check_sharing", lambda self, _: setattr(self, "sharing", False))
    check_same(written(engine(folder, compile=True)), expected)
    assert "the model is not compiled (it cannot share prefixes)" in caplog.text


def test_the_plan_does_not_wait_for_the_compiler(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(static, "BACKEND", "eager")
    compiled = engine(make_model(tmp_path / "m", "llama"), compile=True)
    assert min(compiled.speeds()) > 0
    assert compiled._forward.static is not None
    assert compiled._forward.static._known == []


def test_compile_is_yes_or_no(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="compile: expected True or False, got 'maybe'"):
        engine(tmp_path, compile="maybe")
