"""Prompts and their tokens, as lm-eval's model class makes them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ....tasks.dataset import EMBEDDED, embedded_file
from ...console.errors import UsageError

logger = logging.getLogger(__name__)


class PromptingLM(Protocol):
    """What makes prompts of lm-eval's model classes."""

    @property
    def max_length(self) -> int: ...
    @property
    def tokenizer_name(self) -> str: ...
    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True, /
    ) -> str: ...
    def chat_template(self, chat_template: bool | str = False, /) -> str | None: ...
    def tok_encode(self, string: str, /) -> list[int]: ...


class LoadedModel:
    """An engine whose model lm-eval loaded into this process: ``_lm`` makes its prompts."""

    _lm: PromptingLM

    @property
    def context_length(self) -> int:
        """Tokens of prompt and reply together, at most."""
        return int(self._lm.max_length)

    @property
    def tokenizer_name(self) -> str:
        """lm-eval's name of the tokenizer."""
        return str(self._lm.tokenizer_name)

    def chat(self, messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Messages as the prompt text that the chat template makes of them."""
        return str(self._lm.apply_chat_template(messages, add_generation_prompt))

    def chat_template(self, name: bool | str) -> str | None:
        """lm-eval's chat template text."""
        return self._lm.chat_template(name)

    def encode(self, text: str) -> list[int]:
        """Token ids of a whole prompt, as lm-eval's model makes them (one BOS at most)."""
        return list(self._lm.tok_encode(text))

    def fit(self, rows: Sequence[list[int]], spare: int) -> list[list[int]]:
        """The last tokens of each prompt that fit the model's context beside ``spare`` more, as
        lm-eval cuts them; says how many prompts are cut."""
        limit = self.context_length - spare
        cut = [len(row) for row in rows if len(row) > limit]
        if cut:
            logger.warning(
                "%d of %d prompts are longer than the model's context and lose their beginnings: "
                "up to %d tokens, %d fit",
                *(len(cut), len(rows), max(cut), limit),
            )
        return [row[-limit:] for row in rows]

    def count_tokens(self, prompt: str) -> int:
        """Length of a prompt in tokens."""
        return len(self.encode(prompt))


def model_path(name: str) -> str:
    """What to load for ``pretrained=``: the embedded model's folder, or the name as it is.

    Raises UsageError for a local path that holds no model.
    """
    if name == EMBEDDED:
        name = str(embedded_file("model"))
    looks_local = name.startswith((".", "/", "~")) or name.count("/") > 1
    path = Path(name).expanduser()
    if looks_local and not path.is_dir():
        raise UsageError(f"--model_args: no model folder at {name}")
    if path.is_dir() and not (path / "config.json").is_file():
        raise UsageError(f"--model_args: {name} has no config.json, so it is no model folder")
    return name
