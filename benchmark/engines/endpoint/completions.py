"""Engines behind OpenAI-compatible endpoints, over the text protocol or the chat protocol.

An endpoint returns the log-probabilities of its k most likely tokens only. Entropies over the
whole vocabulary are therefore unknown, and the probability outside the top k is kept as missing
mass.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from ....tasks.reading.reasoning import thinks
from ...console.errors import ApprehendError, UsageError
from ...console.masking import mask_arguments
from ...endpoints.budget import Budget
from ...endpoints.request_errors import RequestFailed
from ..shared.abilities import withheld_by
from ..shared.endings import Ending, endings
from ..shared.engine import (
    NOTHING,
    Ability,
    Answer,
    ChoicePrompt,
    Extras,
    Failed,
    Generation,
    Identity,
    Sampling,
)
from ..shared.inside import Part
from ..shared.known import TRANSPORT
from ..shared.thinking_arguments import template_fields
from .alignment import PLACEHOLDERS
from .completion_requests import GREEDY, CompletionRequests, Drawing
from .endpoint_limits import LACKS, check_labels, load_tokenizer, without_logprobs
from .local_prompts import rendered, without_bos
from .replies import Reply, generation
from .tokens import SPACES, label_logprobs, spelled_logprob

logger = logging.getLogger(__name__)

_CHARACTERS_PER_TOKEN = 4


class CompletionsEngine:
    """Scores options and generates text through one endpoint."""

    def __init__(
        self,
        kind: str,
        model_args: Mapping[str, object],
        budget: Budget,
        fields: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Probe the endpoint's capabilities.

        ``model_args`` are those of lm-eval's model of this name, ``fields`` more fields of each
        request. An endpoint that returns no log-probabilities can generate text, but not score
        options.

        Raises UsageError for unsuitable arguments, ApprehendError if the endpoint does not answer.
        """
        self.kind = kind
        self._arguments = dict(model_args)
        self.name = str(model_args.get("model") or model_args.get("pretrained") or kind)
        self._requests = CompletionRequests(kind, self.name, model_args, budget, fields)
        self._tokenizer = load_tokenizer(model_args.get("tokenizer"))
        self._said: set[str | None] = set()
        self.think_end = str(model_args.get("think_end_token") or "")
        self._outside = 0
        self._top, self._silent = self._requests.granted_top()
        self._thinks = self._requests.chat and self._requests.thinks

    @property
    def identity(self) -> Identity:
        """Return what determines the results, as far as an endpoint reveals it."""
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
        """Return where the model runs: unknown (remote)."""
        return "endpoint"

    @property
    def context_length(self) -> None:
        """Return None: an endpoint does not report its limit; it truncates or refuses by itself."""
        return None

    @property
    def withheld(self) -> Mapping[Ability, str]:
        """Return what the endpoint does not show: log-probabilities too if it returns none."""
        silent = {} if self._top else {Ability.OPTIONS: self._silent}
        return {**withheld_by(self.kind), **silent}

    @property
    def has_chat_template(self) -> bool:
        """Return whether messages can be sent, or rendered into a prompt."""
        return self._requests.chat or bool(getattr(self._tokenizer, "chat_template", None))

    @property
    def thinking(self) -> str | None:
        """Return why the model would think before it answers; None if nothing tells."""
        if self._requests.chat:
            return "its replies hold reasoning" if self._thinks else None
        template = self.chat_template(True)
        if not template:
            return None
        prompt = self.chat([{"role": "user", "content": "1 + 1 = ?"}])
        return "its chat template knows thoughts" if thinks(prompt, template) else None

    @property
    def tokenizer_name(self) -> str:
        """Return lm-eval's name of the tokenizer."""
        return self.name

    def chat_template(self, name: bool | str) -> str | None:
        """Return lm-eval's chat template text; None if the endpoint applies its own."""
        return None if self._requests.chat else getattr(self._tokenizer, "chat_template", None)

    def chat(self, messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Return messages as the endpoint accepts them: JSON, or a prompt rendered by the
        tokenizer."""
        if self._requests.chat:
            return json.dumps(messages, ensure_ascii=False)
        assert self._tokenizer is not None  # has_chat_template says so
        prompt = rendered(
            self._tokenizer, messages, add_generation_prompt, template_fields(self._arguments)
        )
        return without_bos(self._tokenizer, prompt)

    def count_tokens(self, prompt: str) -> int:
        """Return the length of a prompt in tokens; an estimate if there is no tokenizer."""
        if self._tokenizer is None:
            return len(prompt) // _CHARACTERS_PER_TOKEN + 1
        return len(self._tokenizer(prompt)["input_ids"])

    def speeds(self) -> None:
        """Return None: an endpoint is not timed in advance."""

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        show: Collection[Part] = (),
    ) -> list[Answer | Failed]:
        """Return one Answer per prompt, in order, or the reason why its request failed.

        Raises UsageError for hidden states, ApprehendError if the endpoint returns no
        log-probabilities.
        """
        if show and Ability.HIDDEN_STATES in self.withheld:
            raise UsageError(f"{self.kind}: {self.withheld[Ability.HIDDEN_STATES]}")
        if Ability.OPTIONS in self.withheld:
            raise ApprehendError(
                f"{self._requests.url}: cannot score options: {self._silent}; ask for a "
                "chain of thought (--tasks mmlu_pro_cot)"
            )
        for prompt in prompts:
            if prompt.exact:
                raise UsageError(f"{self.kind}: {self.withheld[Ability.OPTION_TEXTS]}")
            check_labels(prompt.continuations)
        before = self._outside
        answers = self._requests.each(
            range(len(prompts)),
            lambda i: self._answer(prompts[i], _of(sampling, i)),
        )
        if self._outside > before:
            logger.warning(
                "%d labels are not among the top %d tokens of %s; each gets an equal share of the "
                "missing mass, at most the smallest probability shown",
                *(self._outside - before, self._top, self.name),
            )
        return answers

    def _answer(self, prompt: ChoicePrompt, sampler: tuple[float, Sequence[int]] | None) -> Answer:
        reply = self._requests.ask(prompt.context, 1, Ending(), self._top)
        if self._requests.chat and _within_thought(reply):
            raise RequestFailed(
                "the model thinks before it answers, and the endpoint shows no answer token; turn "
                "thinking off (--model_args …,enable_thinking=False) or ask for a chain of thought"
            )
        if not reply.tokens:
            raise RequestFailed("the endpoint ended the text without a token")
        token = reply.tokens[0]
        if not token.top:
            raise RequestFailed(PLACEHOLDERS)
        if token.logprob == -math.inf:
            raise RequestFailed("the endpoint's token is impossible by its own account")
        labels = [continuation.strip() for continuation in prompt.continuations]
        merged, absent = label_logprobs(token, labels)
        self._outside += absent
        exact = {
            continuation: value
            for continuation in prompt.continuations
            if (value := spelled_logprob(token.top, {continuation})) is not None
        }
        matches = [
            i for i, label in enumerate(labels) if token.text.strip("".join(SPACES)) == label
        ]
        drawn = []
        for seed in sampler[1] if sampler else ():
            drawing = Drawing(sampler[0] if sampler else 0.0, seed)
            text = self._requests.ask(prompt.context, 1, Ending(), 1, drawing).text
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
            greedy_label=matches[0] if matches else None,
            prompt_tokens=reply.prompt_tokens,
            samples=drawn,
        )

    @property
    def streams(self) -> bool:
        """Return False: texts are given when all of a batch are finished."""
        return False

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
        extras: Extras = NOTHING,
    ) -> list[Generation | Failed]:
        """Return the generations in the order of the prompts: one greedy each, or one per seed.

        ``extras`` are left to others: answers are forced by further prompts.
        """
        ends = endings(prompts, until, self.think_end)
        wanted = [
            (prompt, end, drawing)
            for i, (prompt, end) in enumerate(zip(prompts, ends, strict=True))
            for drawing in _drawings(sampling, i)
        ]
        top = min(self._top, 20)

        def write(index: int) -> Generation:
            prompt, end, drawing = wanted[index]
            reply = self._requests.ask(prompt, max_new_tokens, end, top, drawing)
            return generation(reply, end, self._thinks, shown=top > 0)

        results = self._requests.each(range(len(wanted)), write)
        self._say_missing([g for g in results if isinstance(g, Generation)])
        return results

    def _say_missing(self, texts: Sequence[Generation]) -> None:
        """Say, once for each reason, that replies came without usable log-probabilities."""
        for reason in {text.tokens_missing for text in texts} - {None} - self._said:
            self._said.add(reason)
            logger.warning("%s: %s; nothing is stored of such tokens", self.name, reason)


def _within_thought(reply: Reply) -> bool:
    """Whether the one token of a reply belongs to a thought: the server shows it as no text."""
    if reply.reasoning is not None or reply.start(Ending()) is None:
        return True
    return not reply.text.strip() and bool(reply.tokens and reply.tokens[0].text.strip())


def _drawings(sampling: Sampling | None, index: int) -> list[Drawing]:
    if sampling is None:
        return [GREEDY]
    return [
        Drawing(sampling.temperature, seed, sampling.top_p, sampling.top_k)
        for seed in sampling.seeds[index]
    ]


def _of(sampling: Sampling | None, index: int) -> tuple[float, Sequence[int]] | None:
    return None if sampling is None else (sampling.temperature, sampling.seeds[index])
