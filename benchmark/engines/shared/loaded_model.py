"""Prompts and their tokens, by lm-eval's model class."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ....tasks.dataset import EMBEDDED, embedded_file
from ....tasks.reading.reasoning import thinks
from ...console.errors import ApprehendError, UsageError, first_line
from .engine import ChoicePrompt
from .labels import LabelReader, LabelTokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


class PromptingLM(Protocol):
    """The methods of lm-eval's model classes that build prompts."""

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase: ...
    @property
    def max_length(self) -> int: ...
    @property
    def tokenizer_name(self) -> str: ...
    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True, /
    ) -> str: ...
    def chat_template(self, chat_template: bool | str = False, /) -> str | None: ...
    @property
    def prefix_token_id(self) -> int: ...
    def tok_encode(self, string: str, add_special_tokens: bool | None = None) -> list[int]: ...


class LoadedModel:
    """An engine whose model lm-eval loaded into this process as ``_lm``."""

    _lm: PromptingLM
    think_end = ""
    """The mark that ends a thought, where the user names one (``think_end_token``)."""

    @property
    def context_length(self) -> int:
        """Return the maximum number of tokens of prompt and reply together."""
        return int(self._lm.max_length)

    @property
    def tokenizer_name(self) -> str:
        """Return lm-eval's name of the tokenizer."""
        return str(self._lm.tokenizer_name)

    def chat(self, messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Render messages into a prompt by the model's chat template.

        Where the template refuses a system message, its text opens the first user message.
        """
        if messages and messages[0]["role"] == "system" and self._no_system is not None:
            messages = folded(messages)
        return str(self._lm.apply_chat_template(messages, add_generation_prompt))

    @cached_property
    def _no_system(self) -> str | None:
        """Why the template refuses a system message, said once; None if it takes one.

        lm-eval would leave the message out, and with it what the task asks for.
        """
        from jinja2.exceptions import TemplateError

        try:
            self._lm.tokenizer.apply_chat_template(
                [{"role": "system", "content": "x"}, {"role": "user", "content": "x"}],
                tokenize=False,
                add_generation_prompt=True,
                chat_template=getattr(self._lm, "hf_chat_template", None),
            )
        except TemplateError as error:
            refused = first_line(error)
            logger.warning(
                "the chat template takes no system message (%s): its text opens the first user "
                "message instead",
                refused,
            )
            return refused
        return None

    @property
    def thinking(self) -> str | None:
        """Return why the model would think before it answers; None if it would not."""
        template = self._lm.chat_template(True)
        if not template:
            return None
        prompt = self.chat([{"role": "user", "content": "1 + 1 = ?"}])
        if not thinks(prompt, template):
            return None
        opens = thinks(prompt, "")
        return f"its chat template {'opens a thought' if opens else 'knows thoughts'}"

    def chat_template(self, name: bool | str) -> str | None:
        """Return lm-eval's chat template text."""
        return self._lm.chat_template(name)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a whole prompt, as lm-eval encodes it (at most one BOS)."""
        return list(self._lm.tok_encode(text))

    def encode_choice(
        self, prompt: ChoicePrompt, labels: LabelReader
    ) -> tuple[list[int], tuple[LabelTokens, ...]]:
        """Return the token ids of a prompt and of what is scored after it, as lm-eval splits them.

        The prompt's trailing spaces go to the continuations (before whole texts all white space).
        An empty prompt is the model's first token: BOS, or EOS where it has none.

        Raises ApprehendError for labels after an empty prompt.
        """
        context = prompt.context.rstrip() if prompt.exact else prompt.context.rstrip(" ")
        spaces = prompt.context[len(context) :]
        continuations = tuple(spaces + continuation for continuation in prompt.continuations)
        if context:
            ids = self.encode(context)
            read = labels.exact if prompt.exact else labels.read
            return ids, read(context, ids, continuations)
        if not prompt.exact:
            raise ApprehendError("an empty prompt cannot be scored")
        first = self._lm.prefix_token_id
        paths = [
            tuple(self._lm.tok_encode(text, add_special_tokens=False)) for text in continuations
        ]
        paths = [path[1:] if path[:1] == (first,) and path[1:] else path for path in paths]
        return [first], tuple(LabelTokens(path, (path,)) for path in paths)

    def fit(self, rows: Sequence[list[int]], spare: int) -> list[list[int]]:
        """Truncate prompts on the left to the model's context less ``spare`` tokens, as lm-eval.

        Logs how many prompts are truncated.
        """
        limit = self.context_length - spare
        cut = [len(row) for row in rows if len(row) > limit]
        if cut:
            logger.warning(
                "%d of %d prompts exceed the model's context and are truncated on the left: "
                "up to %d tokens, %d fit",
                *(len(cut), len(rows), max(cut), limit),
            )
        return [row[-limit:] for row in rows]

    def count_tokens(self, prompt: str) -> int:
        """Return the length of a prompt in tokens."""
        return len(self.encode(prompt))


def folded(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Put the text of a first system message before that of the first user message."""
    system, *rest = messages
    for at, message in enumerate(rest):
        if message["role"] == "user":
            text = f"{system['content'].rstrip()}\n\n{message['content']}"
            return [*rest[:at], {**message, "content": text}, *rest[at + 1 :]]
    return [{"role": "user", "content": system["content"]}, *rest]


def model_path(name: str, gguf_file: object = None) -> str:
    """Return what to load for ``pretrained=``: the embedded model's folder, or the name itself.

    Raises UsageError for a local path that holds no model: no configuration, or, where a file in
    llama.cpp's format is named, not that file.
    """
    if name == EMBEDDED:
        name = str(embedded_file("model"))
    looks_local = name.startswith((".", "/", "~")) or name.count("/") > 1
    path = Path(name).expanduser()
    if looks_local and not path.is_dir():
        raise UsageError(f"--model_args: no model folder at {name}")
    if path.is_dir() and gguf_file is not None:
        if not (path / str(gguf_file)).is_file():
            raise UsageError(f"--model_args: {name} has no file {gguf_file} (gguf_file)")
    elif path.is_dir() and not (path / "config.json").is_file():
        raise UsageError(f"--model_args: {name} has no config.json, so it is not a model folder")
    return name
