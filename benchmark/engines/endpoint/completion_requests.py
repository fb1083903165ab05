"""Requests to an OpenAI-compatible endpoint, in the text protocol or the chat protocol."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from ...console.errors import ApprehendError, UsageError, first_line
from ...console.masking import mask_text
from ...endpoints.budget import Budget
from ...endpoints.concurrency import as_completed
from ...endpoints.endpoint import Endpoint
from ...endpoints.endpoint_arguments import open_endpoint, whole_number
from ...endpoints.lm_eval_models import endpoint_class
from ...endpoints.request_errors import RequestFailed
from ..shared.engine import Failed
from .replies import Reply, read_chat, read_text

if TYPE_CHECKING:
    from lm_eval.models.api_models import TemplateAPI

ResultT = TypeVar("ResultT")
logger = logging.getLogger(__name__)

KINDS = {
    "local-completions": False,
    "openai-completions": False,
    "local-chat-completions": True,
    "openai-chat-completions": True,
}
"""Name of the engine → whether it speaks the chat protocol."""
MOST_TOP = (1000, 100, 20, 5)
"""Numbers of log-probabilities to ask for; the first that the endpoint grants is used."""


class CompletionRequests:
    """Sends prompts to one endpoint, through lm-eval's model of its kind."""

    def __init__(
        self, kind: str, name: str, arguments: Mapping[str, object], budget: Budget
    ) -> None:
        """``arguments`` are those of lm-eval's model. Raises UsageError for those that do not
        fit."""
        self._kind, self._name, self._arguments = kind, name, dict(arguments)
        self.chat = KINDS[kind]
        """Whether the endpoint speaks the chat protocol."""
        self._workers = whole_number(arguments, "num_concurrent", 1, 1, "--model_args")
        self._lm = self._load()
        self._endpoint: Endpoint = open_endpoint(self._lm, arguments, budget, "--model_args")

    @property
    def url(self) -> str:
        """The endpoint's address without secrets."""
        return mask_text(self._endpoint.url)

    def _load(self) -> TemplateAPI:
        cls = endpoint_class(self._kind, "--model")
        skipped = {"input_price", "output_price", "top_logprobs", "tokenizer"}
        given = {k: v for k, v in self._arguments.items() if k not in skipped}
        given["tokenizer_backend"] = "none"
        try:
            return cls.create_from_arg_obj(given, {})
        except TypeError as error:
            raise UsageError(f"--model_args: {mask_text(str(error))}") from error
        except Exception as error:
            raise ApprehendError(
                f"cannot use {self._kind}: {mask_text(first_line(error))}"
            ) from error

    def granted_top(self) -> tuple[int, str]:
        """How many log-probabilities the endpoint gives, found by asking, and why not more.

        Raises ApprehendError where it does not answer at all.
        """
        sizes: tuple[int, ...] = MOST_TOP
        if self._arguments.get("top_logprobs") is not None:
            sizes = (whole_number(self._arguments, "top_logprobs", 0, 0, "--model_args"),)
        silent = ""
        prompt = json.dumps([{"role": "user", "content": "1 2 3"}]) if self.chat else "1 2 3"
        for size in sizes:
            try:
                reply = self.ask(prompt, 1, (), size, 0.0, 0)
            except RequestFailed as error:
                silent = str(error)
                continue
            if reply.tokens and reply.tokens[0].top:
                return size, silent
            silent = "its replies hold no log-probabilities"
        try:
            self.ask(prompt, 1, (), 0, 0.0, 0)
        except RequestFailed as error:
            raise ApprehendError(f"{self.url}: does not answer: {silent or error}") from error
        logger.warning("%s shows no log-probabilities: %s", self._name, silent)
        return 0, silent

    def each(self, items: Sequence[int], work: Callable[[int], ResultT]) -> list[ResultT | Failed]:
        """``work`` on every item at the endpoint's pace; failures in the place of results."""
        results: dict[int, ResultT | Failed] = {}
        try:
            for done in as_completed(work, items, self._workers):
                try:
                    results[done.item] = done.get()
                except (RequestFailed, ApprehendError) as error:
                    results[done.item] = Failed(str(error))
        except BaseException:
            self._endpoint.stop()
            raise
        return [results[item] for item in items]

    def ask(
        self,
        prompt: str,
        most: int,
        until: Sequence[str],
        top: int,
        temperature: float,
        seed: int,
    ) -> Reply:
        """The endpoint's reply to a prompt with at most ``most`` new tokens and the ``top`` most
        likely tokens at each. Raises RequestFailed where there is none."""
        options = {
            "until": list(until),
            "max_gen_toks": most,
            "do_sample": temperature > 0,
            "temperature": temperature,
        }
        message = _messages(prompt) if self.chat else prompt
        payload = dict(
            self._lm._create_payload(
                message, generate=True, gen_kwargs=options, seed=seed % 2**31, eos=None
            )
        )
        payload["stop"] = list(until)[:4]
        if not payload["stop"]:
            del payload["stop"]
        if top and self.chat:
            payload |= {"logprobs": True, "top_logprobs": top}
        elif top:
            payload["logprobs"] = top
        return self._endpoint.post(payload, read_chat if self.chat else read_text)


def _messages(prompt: str) -> object:
    if prompt.startswith("[{"):
        messages: object = json.loads(prompt)
        return messages
    raise UsageError("a chat endpoint needs --apply_chat_template")
