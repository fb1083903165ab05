"""Another value for every option that stored rows depend on, and the refusal's message."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.numpy
from apprehend.benchmark.judges.judge_options import JudgeOptions
from apprehend.tasks.dataset import embedded_file
from apprehend.tasks.prompting import load_prompt


def other_weights(folder: Path) -> dict[str, Any]:
    """The embedded model with one weight changed, in a folder of its own."""
    shutil.copytree(embedded_file("model"), folder / "model")
    file = folder / "model" / "model.safetensors"
    weights = safetensors.numpy.load_file(file)
    name = sorted(weights)[0]
    weights[name] = weights[name] + np.float32(1e-3)
    safetensors.numpy.save_file(weights, file, metadata={"format": "pt"})
    return {"pretrained": str(folder / "model")}


def other_data(folder: Path) -> str:
    """The embedded questions with one more word in one of them."""
    frame = pd.read_parquet(embedded_file("questions.parquet"))
    frame.loc[frame.index[-1], "question"] += " really"
    frame.to_parquet(folder / "questions.parquet")
    return str(folder / "questions.parquet")


def other_topics(folder: Path) -> str:
    """The embedded questions with one of them under another topic."""
    frame = pd.read_parquet(embedded_file("questions.parquet"))
    frame.loc[frame.index[-1], "category"] = "law"
    frame.to_parquet(folder / "topics.parquet")
    return str(folder / "topics.parquet")


def other_examples(folder: Path) -> str:
    """The embedded questions as few-shot examples."""
    pd.read_parquet(embedded_file("questions.parquet")).to_parquet(folder / "examples.parquet")
    return str(folder / "examples.parquet")


def other_prompt(name: str) -> Callable[[Path], dict[str, str]]:
    def replaced(folder: Path) -> dict[str, str]:
        file = folder / f"{name}.jinja"
        file.write_text(load_prompt(name).source + " Please.")
        return {name: str(file)}

    return replaced


def judged_with(**arguments: Any) -> Callable[[Path], list[JudgeOptions]]:
    return lambda _: [JudgeOptions("hf", {"pretrained": "embedded", **arguments})]


CHANGES: dict[str, list[tuple[str, Callable[[Path], Any]]]] = {
    "model": [("--model", lambda _: "local-completions")],
    "model_args": [
        ("the model's files", other_weights),
        ("the model's dtype", lambda _: {"pretrained": "embedded", "dtype": "bfloat16"}),
        ("--model_args", lambda _: {"pretrained": "embedded", "max_length": 300}),
    ],
    "data": [("the questions", other_data), ("the questions' topics", other_topics)],
    "fewshot_data": [("--fewshot_data", other_examples)],
    "judges": [
        ("max_length", judged_with(max_length=300)),
        ("requested_dtype", judged_with(dtype="bfloat16")),
    ],
    "prompts": [
        ("the prompt templates", other_prompt("direct")),
        ("prompt template self_p_true", other_prompt("self_p_true")),
        ("prompt template judge_complexity", other_prompt("judge_complexity")),
        ("prompt template judge_rating", other_prompt("judge_rating")),
    ],
    "num_fewshot": [("--num_fewshot", lambda _: 2)],
    "apply_chat_template": [("--apply_chat_template", lambda _: True)],
    "system_instruction": [("--system_instruction", lambda _: "Be brief.")],
    "seed": [("seed", lambda _: 1)],
    "samples": [("samples", lambda _: 4)],
    "temperature": [("temperature", lambda _: 3.0)],
    "thinking_budget": [("--thinking_budget", lambda _: 5)],
}
