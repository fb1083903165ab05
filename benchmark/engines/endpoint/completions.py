"""Engines behind OpenAI-compatible endpoints: the text protocol and the chat protocol.

An endpoint shows the log-probabilities of its k most likely tokens and no more. So whole-vocabulary
entropies are unknown, and what the top k leave out is kept as missing mass.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...console.errors import ApprehendError, UsageError
from ...console.masking import mask_arguments, mask_text
from ...endpoints.budget import Budget
from ...endpoints.concurrency import as_completed
from ...endpoints.endpoint import Endpoint
from ...endpoints.endpoint_arguments import open_endpoint, whole_number
from ...endpoints.lm_eval_models import model_class
from ...endpoints.request_errors import RequestFailed
from ..shared.engine import Answer, ChoicePrompt, Failed, Generation, Sampling
from ..shared.known import TRANSPORT
from .endpoint_limits import LACKS, check_labels, load_tokenizer, without_logprobs
from .replies import (
    SPACES,
    Reply,
    generation,
    label_logprobs,
    read_chat,
    read_text,
    spelled_logprob,
)

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
_CHARACTERS_PER_TOKEN = 4


class CompletionsEngine:
    """Scores options and generates text through one endpoint."""

    def __init__(self, kind: str, model_args: Mapping[str, Any], budget: Budget) -> None:
        """Look at the endpoint once. ``model_args`` are those of lm-eval's model of this name.

        Raises UsageError for arguments that do not fit, ApprehendError where the endpoint does
        not answer. One that shows no log-probabilities can write, but not score options.
        """
        self.kind, self._chat = kind, KINDS[kind]
        self._arguments = dict(model_args)
        self.name = str(model_args.get("model") or model_args.get("pretrained") or kind)
        self._workers = whole_number(model_args, "num_concurrent", 1, 1, "--model_args")
        self._tokenizer = load_tokenizer(model_args.get("tokenizer"))
        self._lm = self._load()
        self._endpoint: Endpoint = open_endpoint(self._lm, model_args, budget, "--model_args")
        self._outside = 0
        self._silent = ""
        self._top = self._granted_top()

    def _load(self) -> Any:
        cls = model_class(self.kind, "--model")
        skipped = {"input_price", "output_price", "top_logprobs", "tokenizer"}
        given = {k: v for k, v in self._arguments.items() if k not in skipped}
        given["tokenizer_backend"] = "none"
        try:
            return cls.create_from_arg_obj(given, {})
        except TypeError as error:
            raise UsageError(f"--model_args: {mask_text(str(error))}") from error
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ApprehendError(f"cannot use {self.kind}: {mask_text(first)}") from error

    def _granted_top(self) -> int:
        """How many log-probabilities the endpoint gives, found by asking; 0 for none."""
        sizes: tuple[int, ...] = MOST_TOP
        if self._arguments.get("top_logprobs") is not None:
            sizes = (whole_number(self._arguments, "top_logprobs", 0, 0, "--model_args"),)
        prompt = json.dumps([{"role": "user", "content": "1 2 3"}]) if self._chat else "1 2 3"
        for size in sizes:
            try:
                reply = self._ask(prompt, 1, (), size, 0.0, 0)
            except RequestFailed as error:
                self._silent = str(error)
                continue
            if reply.tokens and reply.tokens[0].top:
                return size
            self._silent = "its replies hold no log-probabilities"
        try:
            self._ask(prompt, 1, (), 0, 0.0, 0)
        except RequestFailed as error:
            url = mask_text(self._endpoint.url)
            raise ApprehendError(f"{url}: does not answer: {self._silent or error}") from error
        logger.warning("%s shows no log-probabilities: %s", self.name, self._silent)
        return 0

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the numbers, as far as an endpoint lets one know."""
        kept = {k: v for k, v in self._arguments.items() if k not in TRANSPORT}
        return {
            "engine": self.kind,
            "model": self.name,
            "arguments": mask_arguments(kept),
            "top_logprobs": self._top,
            "logprobs_mode": str(
                self._arguments.get("logprobs_mode", "as the endpoint gives them")
            ),
            "lacks": LACKS if self._top else LACKS | {"trace": without_logprobs(self._silent)},
        }

    @property
    def device_name(self) -> str:
        """Where the model runs: nobody knows."""
        return "endpoint"

    @property
    def has_chat_template(self) -> bool:
        """Whether messages can be sent or made a prompt."""
        return self._chat or bool(getattr(self._tokenizer, "chat_template", None))

    @property
    def tokenizer_name(self) -> str:
        """lm-eval's name of the tokenizer."""
        return self.name

    def chat_template(self, name: bool | str) -> str | None:
        """lm-eval's chat template text."""
        return None if self._chat else getattr(self._tokenizer, "chat_template", None)

    def chat(self, messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Messages as the endpoint takes them: JSON, or a prompt by the tokenizer's template."""
        if self._chat:
            return json.dumps(messages, ensure_ascii=False)
        return str(
            self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        )

    def count_tokens(self, prompt: str) -> int:
        """Length of a prompt in tokens; a guess from its characters without a tokenizer."""
        if self._tokenizer is None:
            return len(prompt) // _CHARACTERS_PER_TOKEN + 1
        return len(self._tokenizer(prompt)["input_ids"])

    def tokens_per_second(self, length: int) -> None:
        """An endpoint is not timed beforehand."""

    def written_tokens_per_second(self, length: int) -> None:
        """An endpoint is not timed beforehand."""

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        hidden_state: bool = False,
    ) -> list[Answer | Failed]:
        """One Answer per prompt, in order, or why there is none."""
        if hidden_state:
            raise UsageError(f"{self.kind}: {LACKS['hidden_state']['state']}")
        if not self._top:
            raise ApprehendError(
                f"{mask_text(self._endpoint.url)}: cannot score options: {self._silent}; ask for a "
                "chain of thought (--tasks mmlu_pro_cot)"
            )
        for prompt in prompts:
            check_labels(prompt.continuations)
        before = self._outside
        answers = self._each(
            range(len(prompts)),
            lambda i: self._answer(prompts[i], _of(sampling, i)),
        )
        if self._outside > before:
            logger.warning(
                "%d labels are not among the %d tokens that %s shows; each is given an equal share "
                "of what these leave over, at most the least of them",
                *(self._outside - before, self._top, self.name),
            )
        return answers

    def _answer(self, prompt: ChoicePrompt, drawing: tuple[float, Sequence[int]] | None) -> Answer:
        reply = self._ask(prompt.context, 1, (), self._top, 0.0, 0)
        if not reply.tokens:
            raise RequestFailed("the endpoint ended the text without a token")
        token = reply.tokens[0]
        if token.logprob == -math.inf:
            raise RequestFailed("the token that the endpoint said is impossible by its own account")
        labels = [continuation.strip() for continuation in prompt.continuations]
        merged, absent = label_logprobs(token, labels)
        self._outside += absent
        exact = {
            continuation: value
            for continuation in prompt.continuations
            if (value := spelled_logprob(token.top, {continuation})) is not None
        }
        named = [i for i, label in enumerate(labels) if token.text.strip("".join(SPACES)) == label]
        drawn = []
        for seed in drawing[1] if drawing else ():
            text = self._ask(prompt.context, 1, (), 1, drawing[0] if drawing else 0.0, seed).text
            drawn.append(labels.index(text.strip()) if text.strip() in labels else -1)
        return Answer(
            label_logprobs=merged,
            scored_logprobs=[
                exact.get(continuation, min(value, token.top[-1][1]))
                for continuation, value in zip(prompt.continuations, merged, strict=True)
            ]
            if exact
            else merged,
            is_greedy=[continuation == token.text for continuation in prompt.continuations],
            entropy=math.nan,
            post_answer_entropy=math.nan,
            top_logprobs=[value for _, value in token.top],
            missing_mass=token.missing_mass,
            greedy_label=named[0] if named else None,
            prompt_tokens=reply.prompt_tokens,
            samples=drawn,
        )

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
    ) -> list[Generation | Failed]:
        """Generations in order of the prompts: one greedy each, or one per seed."""
        drawings = [_of(sampling, i) or (0.0, [0]) for i in range(len(prompts))]
        wanted = [
            (prompt, temperature, seed)
            for prompt, (temperature, seeds) in zip(prompts, drawings, strict=True)
            for seed in seeds
        ]
        top = min(self._top, 20)

        def write(index: int) -> Generation:
            prompt, temperature, seed = wanted[index]
            reply = self._ask(prompt, max_new_tokens, until, top, temperature, seed)
            return generation(reply, until)

        return self._each(range(len(wanted)), write)

    def _each(self, items: Sequence[int], work: Callable[[int], Any]) -> list[Any]:
        """``work`` on every item at the endpoint's pace; failures in the place of results."""
        results: dict[int, Any] = {}
        try:
            for done in as_completed(work, items, self._workers):
                if isinstance(done.error, RequestFailed | ApprehendError):
                    results[done.item] = Failed(str(done.error))
                elif done.error is not None:
                    raise done.error
                else:
                    results[done.item] = done.result
        except BaseException:
            self._endpoint.stop()
            raise
        return [results[item] for item in items]

    def _ask(
        self,
        prompt: str,
        most: int,
        until: Sequence[str],
        top: int,
        temperature: float,
        seed: int,
    ) -> Reply:
        options = {
            "until": list(until),
            "max_gen_toks": most,
            "do_sample": temperature > 0,
            "temperature": temperature,
        }
        message: Any = _messages(prompt) if self._chat else prompt
        payload = dict(
            self._lm._create_payload(
                message, generate=True, gen_kwargs=options, seed=seed % 2**31, eos=None
            )
        )
        payload["stop"] = list(until)[:4]
        if not payload["stop"]:
            del payload["stop"]
        if top and self._chat:
            payload |= {"logprobs": True, "top_logprobs": top}
        elif top:
            payload["logprobs"] = top
        return self._endpoint.post(payload, read_chat if self._chat else read_text)


def _messages(prompt: str) -> Any:
    if prompt.startswith("[{"):
        return json.loads(prompt)
    raise UsageError("a chat endpoint needs --apply_chat_template")


def _of(sampling: Sampling | None, index: int) -> tuple[float, Sequence[int]] | None:
    return None if sampling is None else (sampling.temperature, sampling.seeds[index])
