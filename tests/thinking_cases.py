"""What one engine makes of a thinking model: the same calls of every engine, as plain JSON.

As a command it asks vLLM's engine about the models in folders: OUTPUT FOLDER…
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from apprehend.benchmark.engines.shared.engine import (
    ChoicePrompt,
    Engine,
    Failed,
    Generation,
    Sampling,
)
from apprehend.benchmark.run.asking.thought_budget import with_budget
from apprehend.tasks.answer_forcing import answer_cue, cut_points

MESSAGES = [{"role": "user", "content": "Which one?"}]
STOP = "\nQuestion:"
LABELS = ("A", "B", "C")
MOST = 64
Record = dict[str, Any]


def asked(engine: Engine) -> Record:
    """Texts, whole and cut, with and without budgets, and the answers forced out of them."""
    prompt = engine.chat(MESSAGES)
    found: Record = {"thinking": engine.thinking, "prompt": prompt}
    (plain,) = engine.generate([prompt], MOST, [STOP])
    found["stopped"] = as_record(plain)
    (whole,) = engine.generate([prompt], MOST)
    found["whole"] = as_record(whole)
    found["cut"] = [as_record(engine.generate([prompt], most, [STOP])[0]) for most in range(1, 5)]
    certain = Sampling(2.0, [[5]], top_k=1)
    found["certain"] = as_record(engine.generate([prompt], 6, (), certain)[0])
    for budget in (0, 1, 3, MOST - 1):
        own = with_budget(engine, budget)
        (text,) = own.generate([own.chat(MESSAGES)], MOST if budget > 12 else 12, [STOP])
        found[f"budget {budget}"] = as_record(text)
    forced = []
    for text in (plain, whole, *engine.generate([prompt], 3, [STOP])):
        written = cast(Generation, text).text
        begun = [written[:at] for at in cut_points(written)]
        forced += [
            ChoicePrompt(prompt + own + answer_cue(own, prompt, engine.think_end), LABELS, 3)
            for own in begun
        ]
    found["forced"] = [cast(Any, answer).label_logprobs for answer in engine.score(forced)]
    return found


def as_record(text: Generation | Failed) -> Record:
    """A text with all that does not depend on what an engine shows of its vocabulary."""
    assert isinstance(text, Generation), text
    at = text.text.find("B")
    position = text.token_at(at) if at >= 0 else -1
    return {
        "text": text.text,
        "finished": text.finished,
        "answer_start": text.answer_start,
        "answer_token": text.answer_token,
        "thought_closed": text.thought_closed,
        "position": position,
        "labels": text.label_logprobs(position, LABELS) if position >= 0 else None,
        "logprobs": text.token_logprobs,
        "prompt_tokens": text.prompt_tokens,
    }


def main(output: str, folders: Sequence[str]) -> None:
    """Write what vLLM's engine makes of the models, by their folders' names."""
    from apprehend.benchmark.engines.vllm.vllm_engine import VLLMEngine

    found = {}
    for folder in folders:
        engine = VLLMEngine({"pretrained": folder, "dtype": "float32", "enforce_eager": True})
        found[Path(folder).name] = asked(cast(Engine, engine))
        Path(output).write_text(json.dumps(found))
        del engine


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
