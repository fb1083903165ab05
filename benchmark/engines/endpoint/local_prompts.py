"""Prompts that a tokenizer on this side renders for an endpoint of the text protocol."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...console.errors import first_line
from ..shared.loaded_model import folded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


def rendered(
    tokenizer: PreTrainedTokenizerBase,
    messages: list[dict[str, str]],
    generating: bool,
    more: Mapping[str, object],
) -> str:
    """Render messages by the tokenizer's chat template.

    Where it refuses a system message, its text opens the first user message.
    """
    from jinja2.exceptions import TemplateError

    def render(messages: list[dict[str, str]]) -> str:
        return str(
            tokenizer.apply_chat_template(
                messages,
                tokenize=False,
                add_generation_prompt=generating,
                continue_final_message=not generating,
                **dict(more),
            )
        )

    try:
        return render(messages)
    except TemplateError as error:
        if messages[0]["role"] != "system":
            raise
        logger.warning(
            "the chat template takes no system message (%s): its text opens the first user "
            "message instead",
            first_line(error),
        )
        return render(folded(messages))


def without_bos(tokenizer: PreTrainedTokenizerBase, prompt: str) -> str:
    """Leave out a prompt's begin-of-sequence token where the server, as tokenizers do, adds one."""
    mark = tokenizer.bos_token
    if not isinstance(mark, str) or not mark or not prompt.startswith(mark):
        return prompt
    adds = list(tokenizer("x")["input_ids"])[:1] == [tokenizer.bos_token_id]
    return prompt[len(mark) :] if adds else prompt
