"""Traps that engines of other packages fall into; each test fails on a package that does."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.dataset as ds
import pytest
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.shared.engine import ChoicePrompt
from apprehend.benchmark.engines.vllm.vllm_loading import _OtherName
from models import make_model


def test_a_repetition_penalty_of_the_checkpoint_touches_no_number(tmp_path: Path) -> None:
    """Left on, a processor would change what is generated and every log-probability of it."""
    from transformers import GenerationConfig

    folder = make_model(tmp_path / "plain", "llama")
    prompts = ["Question: what is one of the? Answer:", "Reply with a letter and a number and"]
    plain = HFEngine({"pretrained": str(folder)}, device="cpu").generate(prompts, 12)
    penalized = GenerationConfig.from_pretrained(folder)
    penalized.repetition_penalty = 5.0
    penalized.save_pretrained(folder)
    engine = HFEngine({"pretrained": str(folder)}, device="cpu")
    assert engine.model.generation_config.repetition_penalty == 5.0
    for before, after in zip(plain, engine.generate(prompts, 12), strict=True):
        assert after.text == before.text
        assert after.token_logprobs == pytest.approx(before.token_logprobs, abs=1e-6)
        assert after.token_entropies == pytest.approx(before.token_entropies, abs=1e-6)


@pytest.mark.parametrize("architecture", ["gemma", "llama"])
def test_a_chat_prompt_has_one_beginning_of_sequence(tmp_path: Path, architecture: str) -> None:
    """The chat template writes the token, and the tokenizer would put another one before it."""
    folder = make_model(tmp_path / architecture, architecture, bos=True)
    engine = HFEngine({"pretrained": str(folder)}, device="cpu")
    chat = engine.chat([{"role": "user", "content": "Which one?"}])
    begin = engine.tokenizer.bos_token_id
    assert chat.startswith(engine.tokenizer.bos_token)
    assert engine.encode(chat).count(begin) == 1
    assert engine.encode("Which one?").count(begin) == 1
    (answer,) = engine.score([ChoicePrompt(chat, ("A", "B"), 2)])
    assert answer.prompt_tokens == len(engine.encode(chat))


def test_no_array_over_the_vocabulary_is_stored(embedded_run: Path) -> None:
    """Tens of thousands of numbers per token would fill any disk; scalars and top-k are kept."""
    for task, signal in (("mmlu_pro_direct", "answer"), ("mmlu_pro_cot", "trace")):
        folder = embedded_run / "embedded" / task / "signals" / signal
        table = ds.dataset(folder, format="parquet").to_table().to_pandas()
        for name in table.columns:
            values = [value for value in table[name] if isinstance(value, np.ndarray)]
            lengths = [len(inner) for value in values for inner in value if np.ndim(inner) == 1]
            assert max(lengths, default=0) <= 20, name
            if signal == "answer":
                assert max(map(len, values), default=0) <= 20, name


def test_vllm_is_found_under_the_name_that_lm_eval_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(__version__="0.32.1+cpu"))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, _OtherName()])
    assert metadata.version("vllm") == "0.32.1+cpu"
    assert metadata.version("numpy") == np.__version__
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("no-such-package")
