"""Budget forcing: a thought that has spent its budget is closed, and the answer asked for.

The text so far and the closing mark become the end of the prompt, and the model goes on from
there (arXiv 2501.19393). With a budget of 0 each prompt holds an empty thought: the model answers
at once, also where options are scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from ....tasks.reading.reasoning import closed_thought, empty_thought
from ...console.errors import UsageError
from ...engines.shared.engine import NOTHING, Engine, Extras, Failed, Generation, Sampling


class BudgetedEngine:
    """An engine whose thoughts have a budget; all else is the engine's own."""

    def __init__(self, engine: Engine, budget: int) -> None:
        self.unbudgeted = engine
        self._engine = engine
        self._budget = budget

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    @property
    def streams(self) -> bool:
        """Return False where texts are written in two parts, so that none is finished before."""
        return self._engine.streams and not self._budget

    @property
    def thinking(self) -> str | None:
        """Return why the model would think before it answers; None with an empty thought."""
        return self._engine.thinking if self._budget else None

    def chat(self, messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Render messages, with an empty thought at their end where the budget is 0."""
        prompt = self._engine.chat(messages, add_generation_prompt)
        if self._budget or not add_generation_prompt:
            return prompt
        return prompt + empty_thought(prompt, self._engine.chat_template(True) or "")

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
        extras: Extras = NOTHING,
    ) -> list[Generation | Failed]:
        """Generate as the engine does; what follows a closed thought has the tokens left.

        Where thoughts can be closed, answers are forced by further prompts.
        """
        budget = self._budget
        if not 0 < budget < max_new_tokens:
            return list(
                self._engine.generate(prompts, max_new_tokens, until, sampling, extras=extras)
            )
        extras = replace(extras, forcings=None, watch=None)
        copies = [1] * len(prompts) if sampling is None else [len(s) for s in sampling.seeds]
        whole = [p for p, count in zip(prompts, copies, strict=True) for _ in range(count)]
        seeds = [seed for row in (sampling.seeds if sampling else ()) for seed in row]
        texts = list(self._engine.generate(prompts, budget, until, sampling, extras=extras))
        thinking: list[int] = []
        answering: list[int] = []
        for at, text in enumerate(texts):
            looped = isinstance(text, Generation) and (text.loop_start or -1) >= 0
            if isinstance(text, Generation) and not (
                text.finished or (looped and extras.stop_loops)
            ):
                (thinking if text.answer_start is None else answering).append(at)
        # An answer under way is written again as a whole: tokens do not survive a cut of the text.
        for at, text in zip(
            answering,
            self._more([whole[at] for at in answering], max_new_tokens, until, sampling,
                       [seeds[at] for at in answering] if seeds else [], extras),
            strict=True,
        ):  # fmt: skip
            texts[at] = text
        parts = {at: cast(Generation, texts[at]) for at in thinking}
        end = self._engine.think_end
        closings = {at: closed_thought(part.text, whole[at], end) for at, part in parts.items()}
        for at, rest in zip(
            thinking,
            self._more([whole[at] + parts[at].text + closings[at] for at in thinking],
                       max_new_tokens - budget, until, sampling,
                       [seeds[at] + 1 for at in thinking] if seeds else [], extras),
            strict=True,
        ):  # fmt: skip
            texts[at] = rest if isinstance(rest, Failed) else _joined(parts[at], closings[at], rest)
        return texts

    def _more(
        self,
        prompts: Sequence[str],
        most: int,
        until: Sequence[str],
        sampling: Sampling | None,
        seeds: Sequence[int],
        extras: Extras,
    ) -> Sequence[Generation | Failed]:
        if not prompts:
            return []
        own = None if sampling is None else replace(sampling, seeds=[[seed] for seed in seeds])
        return self._engine.generate(prompts, most, until, own, extras=extras)


def _joined(part: Generation, closing: str, rest: Generation) -> Generation:
    """Return one text of two parts; what closes the thought is nobody's token."""
    head, count = part.text + closing, len(part.token_logprobs)
    start = None if rest.answer_start is None else len(head) + rest.answer_start

    def token_at(offset: int) -> int:
        if offset < len(part.text):
            return part.token_at(offset)
        position = rest.token_at(max(offset - len(head), 0))
        return position if position < 0 else count + position

    def token_ends() -> list[int]:
        first, second = part.token_ends(), rest.token_ends()
        whole = len(first) == count and len(second) == len(rest.token_logprobs)
        return first + [len(head) + end for end in second] if whole else []

    def label_logprobs(position: int, labels: Sequence[str]) -> list[float] | None:
        if position < count:
            return part.label_logprobs(position, labels)
        return rest.label_logprobs(position - count, labels)

    return Generation(
        text=head + rest.text,
        token_logprobs=part.token_logprobs + rest.token_logprobs,
        token_entropies=part.token_entropies + rest.token_entropies,
        token_top_logprobs=part.token_top_logprobs + rest.token_top_logprobs,
        token_uniform_kl=part.token_uniform_kl + rest.token_uniform_kl,
        prompt_tokens=part.prompt_tokens,
        finished=rest.finished,
        answer_start=start,
        thought_closed=True,
        tokens_missing=part.tokens_missing or rest.tokens_missing,
        token_at=token_at,
        token_ends=token_ends,
        label_logprobs=label_logprobs,
    )


def with_budget(engine: Engine, budget: int | None) -> Engine:
    """Return the engine with a budget for its thoughts, in tokens; None for no limit.

    Raises UsageError for an endpoint that renders messages itself: a thought cannot be closed.
    """
    if budget is None:
        return engine
    if engine.chat_template(True) is None and engine.has_chat_template:
        raise UsageError(
            "--thinking_budget: a chat endpoint does not continue a text; use an engine that does "
            "(hf, vllm, local-completions), or the server's own field in --gen_kwargs"
        )
    return cast(Engine, BudgetedEngine(engine, budget))


def without_budget(engine: Engine | None) -> Engine | None:
    """Return the engine itself, as a judge uses it."""
    return engine.unbudgeted if isinstance(engine, BudgetedEngine) else engine
