"""The arguments of thinking models, spelled as in lm-eval: whether and how a model thinks.

``enable_thinking``, ``chat_template_args`` and ``reasoning_effort`` reach the chat template of a
model in this process, and the server of a model behind an endpoint; ``think_end_token`` names the
mark (or the token's id) that ends a thought.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...console.errors import UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

THINKING = ("enable_thinking", "chat_template_args", "reasoning_effort", "think_end_token")
_ANY_END = "</think>"
"""Marks are known here; lm-eval refuses ``enable_thinking`` without one."""


def thinking_arguments(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments as lm-eval's class of a local model takes them.

    Raises UsageError for values of another kind.
    """
    result = dict(arguments)
    _check(result)
    template = dict(_template_args(result))
    if "reasoning_effort" in result:
        template["reasoning_effort"] = result.pop("reasoning_effort")
    if template:
        result["chat_template_args"] = template
    if result.get("enable_thinking"):
        result.setdefault("think_end_token", _ANY_END)
    return result


def think_end_text(mark: object, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the text of the mark that ends a thought, given as text or token id; "" for none."""
    if isinstance(mark, int):
        return str(tokenizer.decode([mark], skip_special_tokens=False))
    return "" if mark in (None, _ANY_END) else str(mark)


def request_fields(arguments: Mapping[str, object], chat: bool) -> dict[str, object]:
    """Return the fields of a request that say whether and how the model thinks.

    ``chat_template_kwargs`` is what vLLM, SGLang and llama.cpp call the template's arguments.
    Raises UsageError for values of another kind.
    """
    _check(arguments)
    template = dict(_template_args(arguments))
    if "enable_thinking" in arguments:
        template["enable_thinking"] = arguments["enable_thinking"]
    fields: dict[str, object] = {"chat_template_kwargs": template} if template and chat else {}
    if "reasoning_effort" in arguments and chat:
        fields["reasoning_effort"] = arguments["reasoning_effort"]
    return fields


def template_fields(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments for a chat template that is rendered here."""
    fields = dict(_template_args(arguments))
    given = {name: arguments[name] for name in THINKING[:3:2] if name in arguments}
    return fields | given


def _template_args(arguments: Mapping[str, object]) -> Mapping[str, object]:
    given = arguments.get("chat_template_args") or {}
    if not isinstance(given, Mapping):
        raise UsageError(
            "--model_args: chat_template_args: expected a JSON object, e.g. "
            f'chat_template_args={{"enable_thinking":false}}, got {given!r}'
        )
    return given


def _check(arguments: Mapping[str, object]) -> None:
    enabled = arguments.get("enable_thinking")
    if enabled is not None and not isinstance(enabled, bool):
        raise UsageError(f"--model_args: enable_thinking: expected True or False, got {enabled!r}")
    _template_args(arguments)
