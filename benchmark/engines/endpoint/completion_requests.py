"""Requests to an OpenAI-compatible endpoint, in the text protocol or the chat protocol."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ...console.errors import ApprehendError, UsageError, first_line
from ...console.masking import mask_text
from ...endpoints.budget import Budget
from ...endpoints.concurrency import as_completed
from ...endpoints.endpoint import Endpoint
from ...endpoints.endpoint_arguments import open_endpoint, whole_number
from ...endpoints.lm_eval_models import endpoint_class
from ...endpoints.request_errors import RequestFailed
from ..shared.endings import Ending
from ..shared.engine import Failed
from ..shared.thinking_arguments import THINKING, request_fields
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
"""Name of the engine → whether it uses the chat protocol."""
MOST_TOP = (1000, 100, 20, 5)
"""Numbers of top log-probabilities to request; the first that the endpoint accepts is used."""

MOST_STOPS = 4
"""Stop texts in a request; OpenAI's protocol allows no more."""


@dataclass(frozen=True)
class Drawing:
    """How to draw one text: temperature 0 for greedy decoding, and the seed."""

    temperature: float = 0.0
    seed: int = 0
    top_p: float = 1.0
    top_k: int = 0


GREEDY = Drawing()
DRAWN = Drawing(temperature=1.0)


class NotGreedy(RequestFailed):
    """The server refuses the temperature of a request."""


class CompletionRequests:
    """Sends prompts to one endpoint, through lm-eval's model class of its kind."""

    def __init__(
        self,
        kind: str,
        name: str,
        arguments: Mapping[str, object],
        budget: Budget,
        fields: Mapping[str, object],
    ) -> None:
        """Take the arguments of lm-eval's model class, and more fields of each request.

        Raises UsageError for unsuitable ones.
        """
        self._kind, self._name, self._arguments = kind, name, dict(arguments)
        self.chat = KINDS[kind]
        """Whether the endpoint uses the chat protocol."""
        self._read = partial(
            read_chat if self.chat else read_text,
            think_end=str(arguments.get("think_end_token") or ""),
        )
        self._fields = {**request_fields(arguments, self.chat), **fields}
        self.thinks = bool(arguments.get("enable_thinking"))
        """Whether a reply has shown reasoning, or the user has asked for it."""
        self._sends_stops = self._sends_temperature = True
        self._workers = whole_number(arguments, "num_concurrent", 1, 1, "--model_args")
        self._lm = self._load()
        self._endpoint: Endpoint = open_endpoint(self._lm, arguments, budget, "--model_args")

    @property
    def url(self) -> str:
        """Return the endpoint's URL without secrets."""
        return mask_text(self._endpoint.url)

    def _load(self) -> TemplateAPI:
        cls = endpoint_class(self._kind, "--model")
        skipped = {"input_price", "output_price", "top_logprobs", "tokenizer", *THINKING}
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
        """Probe how many top log-probabilities the endpoint returns per token.

        Returns the number (0 for none), and the reason why larger ones were refused.
        Raises ApprehendError if the endpoint does not answer at all.
        """
        sizes: tuple[int, ...] = MOST_TOP
        if self._arguments.get("top_logprobs") is not None:
            sizes = (whole_number(self._arguments, "top_logprobs", 0, 0, "--model_args"),)
        refusal = ""
        prompt = json.dumps([{"role": "user", "content": "1 2 3"}]) if self.chat else "1 2 3"
        drawing = GREEDY
        for size in sizes:
            try:
                try:
                    reply = self.ask(prompt, 1, Ending(), size, drawing)
                except NotGreedy:
                    drawing = DRAWN
                    reply = self.ask(prompt, 1, Ending(), size, drawing)
            except RequestFailed as error:
                refusal = str(error)
                continue
            if reply.tokens and reply.tokens[0].top:
                return size, refusal
            if reply.reasoning is not None and not reply.tokens:
                return size, refusal  # none of a thought; the answer's may come
            refusal = "its replies hold no log-probabilities"
        try:
            self.ask(prompt, 1, Ending(), 0, drawing)
        except RequestFailed as error:
            raise ApprehendError(f"{self.url}: does not answer: {refusal or error}") from error
        logger.warning("%s shows no log-probabilities: %s", self._name, refusal)
        return 0, refusal

    def each(self, items: Sequence[int], work: Callable[[int], ResultT]) -> list[ResultT | Failed]:
        """Apply ``work`` to every item, as many at once as the endpoint allows.

        Returns one result per item, in order; a failed request gives a Failed.
        """
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
        self, prompt: str, most: int, ending: Ending, top: int, drawing: Drawing = GREEDY
    ) -> Reply:
        """Request one completion.

        Stop texts are not sent where the model thinks or the server refuses them: many servers
        look for them in the thought too. A reply that one of them ended within its thought is
        asked for again without.

        Args:
            prompt: Text, or for a chat endpoint the messages as JSON.
            most: Maximum number of new tokens.
            ending: What ends the text.
            top: Number of most likely tokens to return with each token.
            drawing: How to sample, and the seed.

        Raises RequestFailed if the request fails.
        """
        sent = list(ending.until)[:MOST_STOPS] if self._sends_stops else []
        try:
            reply = self._post(prompt, most, sent, top, drawing)
        except RequestFailed as error:
            if not sent or not re.search(r"\bstop\b", str(error)):
                raise
            logger.warning("%s takes no stop texts: %s", self._name, error)
            self._sends_stops = False
            return self._post(prompt, most, [], top, drawing)
        within = reply.start(ending) is None
        if reply.reasoning is not None or within:
            self.thinks, self._sends_stops = True, False
        if sent and within and reply.finished:
            return self._post(prompt, most, [], top, drawing)
        return reply

    def _post(self, prompt: str, most: int, stops: list[str], top: int, drawing: Drawing) -> Reply:
        temperature = drawing.temperature
        options = {
            "until": stops,
            "max_gen_toks": most,
            "do_sample": temperature > 0,
            "temperature": temperature,
            **({"top_p": drawing.top_p} if drawing.top_p < 1.0 else {}),
            **({"top_k": drawing.top_k} if drawing.top_k else {}),
        }
        message = _messages(prompt) if self.chat else prompt
        payload = dict(
            self._lm._create_payload(
                message, generate=True, gen_kwargs=options, seed=drawing.seed % 2**31, eos=None
            )
        )
        # lm-eval overwrites the temperature by the model's name: a "5" in it makes texts random.
        payload = {**payload, **self._fields, "stop": stops, "temperature": temperature}
        if not stops:
            del payload["stop"]
        if temperature == 1.0 and not self._sends_temperature:
            del payload["temperature"]  # the default
        if top and self.chat:
            payload |= {"logprobs": True, "top_logprobs": top}
        elif top:
            payload["logprobs"] = top
        try:
            return self._endpoint.post(payload, self._read)
        except RequestFailed as error:
            if "temperature" not in payload or not re.search(r"\btemperature\b", str(error)):
                raise
            if temperature != 1.0:
                raise NotGreedy(
                    f"texts cannot be greedy, only drawn (--gen_kwargs temperature=1): {error}"
                ) from error
        self._sends_temperature = False
        return self._post(prompt, most, stops, top, drawing)


def _messages(prompt: str) -> object:
    if prompt.startswith("[{"):
        messages: object = json.loads(prompt)
        return messages
    raise UsageError("a chat endpoint needs --apply_chat_template")
