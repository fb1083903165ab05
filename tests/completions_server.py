"""The embedded model behind OpenAI's completions protocol: a real model, a small server."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from apprehend.tasks.dataset import embedded_file
from transformers import AutoModelForCausalLM, AutoTokenizer


@lru_cache(maxsize=1)
def _loaded() -> tuple[Any, Any]:
    folder = str(embedded_file("model"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def completing(sentinel: float | None = None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function from payload to reply, for text and chat; ``sentinel`` replaces low values."""
    model, tokenizer = _loaded()

    def answer(payload: dict[str, Any]) -> dict[str, Any]:
        chat = "messages" in payload
        if chat:
            ids = tokenizer.apply_chat_template(
                payload["messages"], add_generation_prompt=True, return_dict=False
            )
            top = payload.get("top_logprobs", 0)
        else:
            ids = tokenizer(payload["prompt"])["input_ids"]
            top = payload.get("logprobs", 0)
        tokens, finish = _write(model, tokenizer, list(ids), payload, int(top))
        text = "".join(token["token"] for token in tokens)
        for stop in payload.get("stop") or ():
            if stop in text:
                text, finish = text.split(stop)[0], "stop"
        if sentinel is not None:
            for token in tokens:
                for other in token["top_logprobs"]:
                    if other["logprob"] < -8:
                        other["logprob"] = sentinel
        choice: dict[str, Any] = {"index": 0, "finish_reason": finish}
        if chat:
            choice |= {"message": {"role": "assistant", "content": text},
                       "logprobs": {"content": tokens}}  # fmt: skip
        else:
            choice |= {
                "text": text,
                "logprobs": {
                    "tokens": [token["token"] for token in tokens],
                    "token_logprobs": [token["logprob"] for token in tokens],
                    "top_logprobs": [
                        {other["token"]: other["logprob"] for other in token["top_logprobs"]}
                        for token in tokens
                    ],
                },
            }
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(tokens)}
        return json.loads(json.dumps({"choices": [choice], "usage": usage}))

    return answer


@torch.inference_mode()
def _write(
    model: Any, tokenizer: Any, ids: list[int], payload: dict[str, Any], top: int
) -> tuple[list[dict[str, Any]], str]:
    generator = torch.Generator().manual_seed(int(payload.get("seed") or 0))
    temperature = float(payload.get("temperature") or 0)
    tokens: list[dict[str, Any]] = []
    cache, row = None, torch.tensor([ids])
    for _ in range(payload["max_tokens"]):
        output = model(row, past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        logprobs = torch.log_softmax(output.logits[0, -1].float(), dim=-1)
        token = int(logprobs.argmax())
        if temperature:
            chances = torch.softmax(output.logits[0, -1].float() / temperature, dim=-1)
            token = int(torch.multinomial(chances, 1, generator=generator))
        if token == tokenizer.eos_token_id:
            return tokens, "stop"
        best = logprobs.topk(min(top, len(logprobs)))
        shown = [
            {"token": _text(tokenizer, ids, index), "logprob": value}
            for index, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        text = _text(tokenizer, ids, token)
        tokens.append({"token": text, "logprob": float(logprobs[token]), "top_logprobs": shown})
        ids = [*ids, token]
        row = torch.tensor([[token]])
    return tokens, "length"


def _text(tokenizer: Any, before: list[int], token: int) -> str:
    """Return what a token adds to the text, including its leading space."""
    tail = before[-4:]
    whole, part = (tokenizer.decode(x, skip_special_tokens=False) for x in ([*tail, token], tail))
    return str(whole[len(part) :])
