"""One measurement, in a process of its own: ``python measuring.py '{"what": …}'`` prints JSON.

A process of its own, so that its peak memory is the measured thing's and nothing else is warm.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}

import cases
import numpy as np
from chains_case import chains, stragglers

Result = dict[str, Any]


def timed(work: Callable[[], Any], repeats: int) -> list[float]:
    """Seconds of each call."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def peak_bytes(device: str = "cpu") -> int:
    """Most memory of this process so far: its resident size, or what it holds on a GPU."""
    if device != "cpu":
        import torch

        return int(torch.cuda.max_memory_allocated())
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def _requests(rows: Sequence[cases.Row], shots: int) -> list[Any]:
    from lm_eval.api.instance import Instance

    found = []
    for number, (row, context) in enumerate(zip(rows, cases.contexts(rows, shots), strict=True)):
        for index, label in enumerate(cases.labels(row)):
            metadata = ("bench", number, 1)
            found.append(Instance("loglikelihood", row, (context, label), index, metadata=metadata))
    return found


def _engine(model: str, device: str = "cpu", dtype: str = "auto", **more: Any) -> Any:
    from apprehend.benchmark.engines.hf.hf_engine import HFEngine

    return HFEngine({"pretrained": model, "dtype": dtype, **more}, "auto", device)


def direct(
    model: str,
    rows: list[cases.Row],
    shots: int,
    repeats: int,
    forget: bool,
    device: str = "cpu",
    dtype: str = "auto",
) -> Result:
    """Ours: option log-probabilities and all else that a direct answer stores."""
    from apprehend.benchmark.run.asking.adapter import Step, UncertaintyLM
    from apprehend.benchmark.run.questions.task_facts import TaskFacts
    from apprehend.tasks.question_view import view

    facts = TaskFacts(
        view=lambda doc: view(doc["question"], tuple(doc["options"]), (int(doc["answer_index"]),)),
        own_id=lambda doc, _: doc["question_id"],
    )
    engine = _engine(model, device, dtype)
    before = peak_bytes(device)
    stored: list[Any] = []
    requests = _requests(rows, shots)

    def once() -> None:
        if forget:
            engine._forward._trunk = None
        lm = UncertaintyLM(
            engine, {"bench": facts}, lambda *record: stored.append(record), Step(64)
        )
        replies = lm.loglikelihood(requests)
        assert len(replies) == len(requests)

    engine.score([_choice(row, shots) for row in cases.questions(2, seed=9)])
    seconds = timed(once, repeats)
    peak = peak_bytes(device)
    return {"seconds": seconds, "peak": peak, "loaded": before, "questions": len(rows)}


def lm_eval(
    model: str,
    rows: list[cases.Row],
    shots: int,
    repeats: int,
    batch: int,
    device: str = "cpu",
    dtype: str = "float32",
) -> Result:
    """lm-eval's ``hf`` model: option log-probabilities."""
    from lm_eval.models.huggingface import HFLM

    lm = HFLM(pretrained=model, device=device, batch_size=batch, dtype=dtype)
    before = peak_bytes(device)
    requests = _requests(rows, shots)
    lm.loglikelihood(_requests(rows[:2], 0), disable_tqdm=True)
    seconds = timed(lambda: lm.loglikelihood(requests, disable_tqdm=True), repeats)
    peak = peak_bytes(device)
    return {"seconds": seconds, "peak": peak, "loaded": before, "questions": len(rows)}


def polygraph(
    model: str, rows: list[cases.Row], shots: int, repeats: int, batch: int, where: str
) -> Result:
    """lm-polygraph: entropy of the answer token and of the next (it asks for two at least).

    Its package imports everything that it can use, so that the three modules are loaded alone.
    """
    import importlib
    import types
    from pathlib import Path

    from transformers import AutoModelForCausalLM, AutoTokenizer

    sys.path.append(where)
    for name in ("lm_polygraph", "lm_polygraph.stat_calculators", "lm_polygraph.utils"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(where, *name.split(".")))]
        sys.modules[name] = package
    load = importlib.import_module
    greedy = load("lm_polygraph.stat_calculators.greedy_probs").GreedyProbsCalculator(False)
    entropy = load("lm_polygraph.stat_calculators.entropy").EntropyCalculator()
    parameters = load("lm_polygraph.utils.generation_parameters").GenerationParameters
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    whitebox = load("lm_polygraph.utils.model").WhiteboxModel(
        AutoModelForCausalLM.from_pretrained(model, dtype="float32"),
        tokenizer,
        generation_parameters=parameters(allow_newlines=True, do_sample=False),
    )
    before = peak_bytes()
    asked = cases.contexts(rows, shots)

    def once() -> None:
        for start in range(0, len(asked), batch):
            texts = asked[start : start + batch]
            shown = greedy({}, texts, whitebox, max_new_tokens=2)
            assert len(entropy(shown)["entropy"]) == len(texts)

    greedy({}, cases.contexts(rows[:2], 0), whitebox, max_new_tokens=2)
    seconds = timed(once, repeats)
    return {"seconds": seconds, "peak": peak_bytes(), "loaded": before, "questions": len(rows)}


def _choice(row: cases.Row, shots: int) -> Any:
    from apprehend.benchmark.engines.shared.engine import ChoicePrompt

    return ChoicePrompt(cases.contexts([row], shots)[0], cases.labels(row), len(row["options"]))


def orders(model: str, rows: list[cases.Row], shots: int, repeats: int) -> Result:
    """Ours: one option order of every question, and all cyclic ones; with their tokens."""
    from apprehend.benchmark.engines.hf.cache.prefixes import grow

    engine = _engine(model)
    engine.score([_choice(row, shots) for row in rows[:2]])
    found: Result = {"questions": len(rows), "one": [], "all": []}
    asked = {
        name: [_choice(row, shots) for row in chosen]
        for name, chosen in (("one", rows), ("all", cases.turned(rows)))
    }
    for name, prompts in asked.items():
        nodes = grow([engine.encode(p.context) for p in prompts], least=1)
        found[f"{name}_tokens"] = sum(map(len, nodes))
    for _ in range(repeats):
        for name, prompts in asked.items():
            engine._forward._trunk = None
            found[name] += timed(lambda some=prompts: engine.score(some), 1)  # type: ignore[misc]
    return found


def samples(model: str, rows: list[cases.Row], tokens: int, repeats: int) -> Result:
    """Ours: one and eight sampled chains of thought of every question."""
    from apprehend.benchmark.engines.shared.engine import Sampling

    engine = _engine(model)
    asked = cases.contexts(rows, 0, "mmlu_pro_cot")
    found: Result = {"one": [], "eight": []}
    engine.generate(asked[:2], 4)
    for _ in range(repeats):
        for name, count in (("one", 1), ("eight", 8)):
            seeds = [[100 * row + draw for draw in range(count)] for row in range(len(rows))]
            sampling = Sampling(1.0, seeds)
            found[name] += timed(
                lambda some=sampling: engine.generate(asked, tokens, (), some),  # type: ignore[misc]
                1,
            )
    return found


def written(
    model: str, rows: list[cases.Row], tokens: int, repeats: int, device: str, dtype: str
) -> Result:
    """Ours: greedy chains of thought of every question, decoded with and without compilation."""
    asked = cases.contexts(rows, 0, "mmlu_pro_cot")
    found: Result = {}
    for name, compiled in (("plain", False), ("compiled", True)):
        engine = _engine(model, device, dtype, compile=compiled)
        engine.generate(asked, tokens)
        found[name] = timed(lambda it=engine: it.generate(asked, tokens), repeats)  # type: ignore[misc]
        if compiled:
            assert engine._forward.static._compiled is not None
    return found


def share(
    model: str,
    rows: list[cases.Row],
    shots: int,
    repeats: int,
    device: str = "cpu",
    dtype: str = "auto",
) -> Result:
    """Needed floating-point operations per second of ours, over those of a matrix product."""
    from apprehend.benchmark.engines.hf.cache.prefixes import grow

    engine = _engine(model, device, dtype)
    prompts = [_choice(row, shots) for row in rows]
    engine.score(prompts[:2])
    ids = [engine.encode(prompt.context) for prompt in prompts]
    config = engine.model.config
    body = sum(p.numel() for p in engine.model.model.layers.parameters() if p.dim() == 2)
    head = config.vocab_size * config.hidden_size
    pairs = tokens = 0
    for node in grow(ids, least=1):
        tokens += len(node)
        pairs += len(node) * node.start + len(node) * (len(node) + 1) // 2
    attention = 4 * config.hidden_size * config.num_hidden_layers * pairs
    needed = 2 * body * tokens + attention + 2 * head * len(rows)
    shares, peaks = [], []
    for _ in range(repeats):
        peaks.append(_matmul_rate(engine.model))
        engine._forward._trunk = None
        (seconds,) = timed(lambda: engine.score(prompts), 1)
        peaks.append(_matmul_rate(engine.model))
        shares.append(needed / seconds / max(peaks[-2:]))
    return {"shares": shares, "peak_flops": max(peaks), "needed": needed, "tokens": tokens}


GROUPS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::linear"),
    "attention": ("aten::_scaled_dot_product_flash_attention_for_cpu", "aten::logaddexp"),
    "copies": ("aten::copy_", "aten::cat", "aten::clone", "aten::contiguous", "aten::index"),
    "norms, rotary embedding, activation": (
        *("aten::mul", "aten::add", "aten::silu", "aten::pow", "aten::mean", "aten::rsqrt"),
        *("aten::neg", "aten::cos", "aten::sin", "aten::mul_", "aten::add_", "aten::addcmul_"),
    ),
    "what is read of the logits": (
        *("aten::_log_softmax", "aten::topk", "aten::exp", "aten::sum", "aten::argmax"),
        *("aten::amin", "aten::logsumexp"),
    ),
}


def profile(model: str, rows: list[cases.Row], shots: int) -> Result:
    """Seconds of direct answers by kind of operation; the rest is Python's and the tokenizer's."""
    import torch

    engine = _engine(model)
    prompts = [_choice(row, shots) for row in rows]
    engine.score(prompts[:2])
    engine._forward._trunk = None
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        (seconds,) = timed(lambda: engine.score(prompts), 1)
    spent = {event.key: event.self_cpu_time_total / 1e6 for event in profiler.key_averages()}
    groups = {name: sum(spent.pop(op, 0.0) for op in ops) for name, ops in GROUPS.items()}
    groups["other operations"] = sum(spent.values())
    groups["Python and the tokenizer"] = max(0.0, seconds - sum(groups.values()))
    return {"seconds": seconds, "groups": groups}


def _matmul_rate(model: Any) -> float:
    """Floating-point operations per second of a square product in the model's dtype, where it is.

    The best of two sizes, each timed four times.
    """
    import torch

    gpu = model.device.type == "cuda"
    rates = []
    for size in (8192, 16384) if gpu else (1024, 2048):
        made = {"device": model.device, "dtype": model.dtype}
        left, right = torch.randn(size, size, **made), torch.randn(size, size, **made)

        def product(left: Any = left, right: Any = right) -> None:
            torch.mm(left, right)
            if gpu:
                torch.cuda.synchronize()

        product()
        rates.append(2 * size**3 / min(timed(product, 4)))
    return max(rates)


def bootstrap(
    n: int, estimators: int, topics: int, replicates: int, theirs: int, repeats: int
) -> Result:
    """Ours with all replicates against a loop over scikit-learn with some, per replicate.

    Both on the same kind of resamples: stratified, of each topic and of all, shared by the
    estimators.
    """
    from apprehend.reports import roc_auc_replicates
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    errors = rng.random(n) < 0.4
    scores = rng.normal(size=(n, estimators)) + errors[:, None]
    scores[:, ::5] = np.round(scores[:, ::5], 1)
    topic = rng.integers(topics, size=n)
    groups = [np.arange(n), *(np.flatnonzero(topic == number) for number in range(topics))]

    def loop() -> None:
        for rows in groups:
            sides = [rows[errors[rows]], rows[~errors[rows]]]
            for _ in range(theirs):
                drawn = np.concatenate([rng.choice(side, side.size) for side in sides])
                for column in scores.T:
                    roc_auc_score(errors[drawn], column[drawn])

    def ours(count: int) -> None:
        for rows in groups:
            roc_auc_replicates(errors[rows], scores[rows], count)

    ours(10)
    slow = [s / theirs for s in timed(loop, repeats)]
    fast = [s / replicates for s in timed(lambda: ours(replicates), repeats)]
    return {"ours": fast, "theirs": slow}


def entropies(n: int, repeats: int) -> Result:
    """Ours against a loop over scipy: the option entropy of every question."""
    from apprehend.estimators import load_estimator
    from apprehend.estimators.checks.synthetic import synthetic_questions
    from scipy.stats import entropy

    signals = synthetic_questions(n, seed=0).signals
    estimator = load_estimator("option_entropy")
    probs = signals.answer.option_probs

    def loop() -> list[float]:
        return [float(entropy(row[~np.isnan(row)])) for row in probs]

    np.testing.assert_allclose(estimator.score(signals), loop(), atol=1e-9)
    return {
        "ours": timed(lambda: estimator.score(signals), repeats),
        "theirs": timed(loop, repeats),
    }


CASES = {
    "chains": chains,
    "stragglers": stragglers,
    "direct": direct,
    "lm_eval": lm_eval,
    "polygraph": polygraph,
    "orders": orders,
    "samples": samples,
    "written": written,
    "share": share,
    "profile": profile,
    "bootstrap": bootstrap,
    "entropies": entropies,
}


def main() -> None:
    """Run the case that the argument names."""
    asked = json.loads(sys.argv[1])
    if "rows" in asked:
        asked["rows"] = cases.questions(**asked["rows"])
    sys.stdout.write("\n" + json.dumps(CASES[asked.pop("what")](**asked)) + "\n")


if __name__ == "__main__":
    main()
