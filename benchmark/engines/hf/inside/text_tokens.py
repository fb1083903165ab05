"""The log-probabilities of texts' own tokens, read in plain passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ....console.errors import ApprehendError
from ...shared.text_reader import TextTokens
from ..memory import is_out_of_memory

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MOST_LOGITS = 2**26
"""Logits of a pass: 256 MiB in single precision."""


def text_tokens(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, ids: Sequence[list[int]]
) -> list[TextTokens]:
    """Return the tokens of texts behind their first, with their log-probabilities.

    Args:
        model: The model.
        tokenizer: Its tokenizer, which spells the tokens.
        ids: Token ids of each text, at least one each.

    Raises:
        ApprehendError: Memory does not suffice for a single text, or the logits are NaN.
    """
    found: dict[int, list[float]] = {}
    waiting = [sorted(range(len(ids)), key=lambda row: len(ids[row]), reverse=True)]
    vocabulary = model.get_input_embeddings().num_embeddings
    while waiting:
        rows = waiting.pop()
        if not rows:
            continue
        fitting = max(1, MOST_LOGITS // (vocabulary * len(ids[rows[0]])))
        rows, rest = rows[:fitting], rows[fitting:]
        waiting.append(rest)
        try:
            read = _logprobs(model, [ids[row] for row in rows])
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise ApprehendError(
                    f"out of memory on a text of {len(ids[rows[0]])} tokens; use a smaller dtype "
                    "or device"
                ) from None
            waiting += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
            continue
        found.update(zip(rows, read, strict=True))
    return [
        TextTokens([str(t) for t in tokenizer.convert_ids_to_tokens(row[1:])], found[place])
        for place, row in enumerate(ids)
    ]


def _logprobs(model: PreTrainedModel, rows: Sequence[list[int]]) -> list[list[float]]:
    longest = max(map(len, rows))
    padded = [[*row, *[row[-1]] * (longest - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    device = model.device
    tokens = torch.tensor(padded, device=device)
    with torch.inference_mode():
        logits = model(
            input_ids=tokens, attention_mask=torch.tensor(mask, device=device), use_cache=False
        ).logits[:, :-1]
        logs = torch.log_softmax(logits.float(), dim=-1)
        read = logs.gather(2, tokens[:, 1:, None])[:, :, 0]
    if bool(read.isnan().any()):
        raise ApprehendError(
            "the model's logits are NaN; try another dtype (--model_args …,dtype=float32)"
        )
    values: list[list[float]] = read.tolist()
    return [line[: len(row) - 1] for line, row in zip(values, rows, strict=True)]
