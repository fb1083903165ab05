"""Evaluate the embedded model on its own questions: ``python -m apprehend.tasks.sample.measure``.

This checks the sample independently, with plain forward passes: accuracy, and how well the entropy
at the answer token predicts errors, for facts and for sums of several steps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from ..dataset import read_questions
from ..mmlu_pro import STYLES, choice_labels, gold_index, render_system, render_user
from ..prompting import load_prompt
from ..question_row import Row
from ..reading.parsing import MARKER, parse_marked_label
from .sample_judge import QUESTIONNAIRES

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Values = NDArray[np.float64]

FOLDER = Path(__file__).parent
BATCH = 120
REPLICATES = 2000


def load(folder: Path = FOLDER) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, list[Row]]:
    """Load the sample's model, tokenizer and questions."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    model = AutoModelForCausalLM.from_pretrained(folder / "model").eval()
    return model, tokenizer, read_questions(folder / "questions.parquet")


def direct_prompt(row: Row, style_name: str = "mmlu_pro_direct") -> str:
    """Return a zero-shot prompt as lm-eval builds it without a chat template."""
    style = STYLES[style_name]
    return f"{render_system(row['category'], style)}\n\n{render_user(row, style)}"


def answer_directly(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row]
) -> tuple[Values, Values]:
    """Return (n,) correctness, 0 or 1, and (n,) entropy at the answer token in nats."""
    right, entropy = [], []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        batch = tokenizer([direct_prompt(row) for row in part], padding=True, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**batch, logits_to_keep=1).logits[:, -1].double()
        logs = logits.log_softmax(-1)
        entropy += (-(logs.exp() * logs).sum(-1)).tolist()
        for row, log in zip(part, logs, strict=True):
            labels = [f" {label}" for label in choice_labels(row, STYLES["mmlu_pro_direct"])]
            ids = [tokenizer.encode(label)[0] for label in labels]
            right.append(float(int(log[ids].argmax()) == gold_index(row)))
    return np.array(right), np.array(entropy)


def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    new_tokens: int = 40,
) -> list[str]:
    """Generate greedy continuations."""
    texts: list[str] = []
    for start in range(0, len(prompts), BATCH):
        batch = tokenizer(list(prompts[start : start + BATCH]), padding=True, return_tensors="pt")
        with torch.inference_mode():
            output = model.generate(**batch, max_new_tokens=new_tokens, do_sample=False)
        new = output[:, batch["input_ids"].shape[1] :]
        texts += tokenizer.batch_decode(new, skip_special_tokens=True)
    return texts


def auc_interval(wrong: Values, score: Values, seed: int = 0) -> tuple[float, float, float]:
    """Return ROC AUC and its 95 % interval from a bootstrap stratified by correctness."""
    rng = np.random.default_rng(seed)
    high, low = score[wrong == 1], score[wrong == 0]
    draws = []
    for _ in range(REPLICATES):
        a, b = rng.choice(high, len(high)), np.sort(rng.choice(low, len(low)))
        below = np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")
        draws.append(below.mean() / (2 * len(b)))
    lower, upper = np.quantile(draws, [0.025, 0.975])
    return float(roc_auc_score(wrong, score)), float(lower), float(upper)


def _auc_line(name: str, right: Values, entropy: Values) -> str:
    if 0 < right.sum() < len(right):
        value, low, high = auc_interval(1 - right, entropy)
        auc = f"AUC {value:.3f} [{low:.3f}, {high:.3f}]"
    else:
        auc = "AUC undefined"
    return f"{name:<12} n {len(right):>4}  accuracy {right.mean():.3f}  {auc}\n"


def report_direct(rows: Sequence[Row], right: Values, entropy: Values) -> str:
    """Format accuracy and AUC overall, for facts, for sums, and by number of steps."""
    source = np.array([str(row["src"]).split("/")[1] for row in rows])
    sums = source != "knowledge"
    text = _auc_line("all", right, entropy)
    text += _auc_line("knowledge", right[~sums], entropy[~sums])
    text += _auc_line("reasoning", right[sums], entropy[sums])
    multi = sums & (source != "reasoning-1")
    text += _auc_line("multi-step", right[multi], entropy[multi])
    for name in sorted(set(source[sums])):
        text += _auc_line(name, right[source == name], entropy[source == name])
    for topic in sorted({row["category"] for row in rows}):
        mask = np.array([row["category"] == topic for row in rows])
        text += _auc_line(topic[:12], right[mask], entropy[mask])
    return text


def report_chain(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row]
) -> str:
    """Format the parsed share and the accuracy with a chain of thought."""
    style = STYLES["mmlu_pro_cot"]
    texts = generate(model, tokenizer, [direct_prompt(row, "mmlu_pro_cot") for row in rows])
    text = f"chain, e.g. {texts[0]!r}, {texts[-1]!r}\n"
    parsed = [
        parse_marked_label(answer, style.labels(len(row["options"])))
        for answer, row in zip(texts, rows, strict=True)
    ]
    right = np.array(
        [a is not None and a.index == gold_index(row) for a, row in zip(parsed, rows, strict=True)]
    )
    source = np.array([row["src"] for row in rows])
    text += f"chain parsed {np.mean([answer is not None for answer in parsed]):.3f}"
    for name in sorted(set(source)):
        text += f"  {name.split('/')[1]} {right[source == name].mean():.3f}"
    return text + "\n"


def report_judge(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row], right: Values
) -> str:
    """Format the shares of the judge's verdicts and ratings by kind of question."""
    text = ""
    source = np.array([str(row["src"]).split("/")[1] for row in rows])
    for name in QUESTIONNAIRES:
        answers = _judge(model, tokenizer, name, rows, [None] * len(rows))
        ratings = _judge(model, tokenizer, "judge_rating", rows, answers)
        for title, texts in ((name, answers), ("rating", ratings)):
            values = np.array([(MARKER.findall(answer) or ["-"])[-1] for answer in texts])
            text += f"{title}: parsed {np.mean(values != '-'):.3f}, e.g. {texts[0]!r}\n"
            if title == "judge_complexity":
                text += _complexity_lines(values, source, right)
            for kind in sorted(set(source)):
                seen, counts = np.unique(values[source == kind], return_counts=True)
                shares = ", ".join(f"{v!s}: {c}" for v, c in zip(seen, counts, strict=True))
                text += f"  {kind}: {shares}\n"
    return text


def _judge(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    name: str,
    rows: Sequence[Row],
    assessments: Sequence[str | None],
) -> list[str]:
    prompts = []
    for row, assessment in zip(rows, assessments, strict=True):
        context = STYLES["mmlu_pro_direct"].context(row) | {"assessment": assessment}
        message = {"role": "user", "content": load_prompt(name).render(**context)}
        prompts.append(
            tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
        )
    return generate(model, tokenizer, prompts)


def _complexity_lines(values: NDArray[np.str_], source: NDArray[np.str_], right: Values) -> str:
    number = np.array([float(value) if value != "-" else np.nan for value in values])
    text = ""
    for name, mask in (
        ("all", source != ""),
        ("knowledge", source == "knowledge"),
        ("reasoning", source != "knowledge"),
    ):
        known = mask & ~np.isnan(number)
        value, low, high = auc_interval(1 - right[known], number[known])
        text += f"  complexity against errors, {name}: AUC {value:.3f} [{low:.3f}, {high:.3f}]\n"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the embedded sample.")
    parser.add_argument("--path", type=Path, default=FOLDER)
    parser.add_argument("--direct_only", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    model, tokenizer, rows = load(arguments.path)
    right, entropy = answer_directly(model, tokenizer, rows)
    sys.stdout.write(report_direct(rows, right, entropy))
    if not arguments.direct_only:
        sys.stdout.write(report_chain(model, tokenizer, rows))
        sys.stdout.write(report_judge(model, tokenizer, rows, right))


if __name__ == "__main__":
    main()
