"""The interface of engines: prompts in, records out. Engines know labels, not questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from ...store.failures import Failed
from .inside import NOTHING_SHOWN, InsideView, Part

__all__ = [
    "Ability",
    "Answer",
    "ChoicePrompt",
    "Engine",
    "Extras",
    "Failed",
    "ForcedAnswer",
    "Forcing",
    "Generation",
    "Identity",
    "Sampling",
    "Watch",
]


class Ability(str, Enum):
    """What a signal may require of an engine."""

    OPTIONS = "log-probabilities of options"
    OPTION_TEXTS = "log-likelihoods of options that are whole texts"
    TEXTS = "generated texts"
    CONTINUATIONS = "log-probabilities after a reply that has been begun"
    NUMBERS = "log-probabilities of numbers after a reply that has been begun"
    HIDDEN_STATES = "hidden states"
    LAYERS = "what the output head reads in each layer"
    OPTION_STATES = "hidden states after each option's label"
    HEAD = "what the output head reads near the hidden state"
    OWN_TOKENS = "log-probabilities of a prompt's own tokens"


@dataclass(frozen=True)
class ChoicePrompt:
    """A prompt whose next token should name an option."""

    context: str
    continuations: tuple[str, ...]
    """The labels to score, e.g. ``" A", " B"``; the don't-know label, if any, comes last."""
    option_count: int
    """Number of options; continuations beyond them are the don't-know label."""
    exact: bool = False
    """Whether the continuations are whole texts, scored as they stand, rather than labels, which
    have variants ("A", " A"). Only then may ``context`` be empty: the texts' own probabilities."""


@dataclass(frozen=True)
class Sampling:
    """How to sample. Each prompt has its own seeds, so that results do not depend on batches."""

    temperature: float
    seeds: Sequence[Sequence[int]]
    """Per prompt, one seed per sample."""
    top_p: float = 1.0
    """Draw from the most probable tokens that together have this probability."""
    top_k: int = 0
    """Draw from that many most probable tokens; 0 for all."""


@dataclass(frozen=True)
class Answer:
    """The distribution of the token after a ChoicePrompt; log-probabilities are natural.

    ``label_logprobs`` merge a label's variants ("A", " A") and exclude the mass of longer labels
    of which it is a prefix ("1" without "10"). ``scored_logprobs`` are those of the exact
    continuations; ``is_greedy`` says of each whether greedy decoding would generate it.
    Entropies are in nats over the whole vocabulary, NaN if the engine does not show it.
    """

    label_logprobs: list[float]
    scored_logprobs: list[float]
    is_greedy: list[bool]
    entropy: float
    post_answer_entropy: float
    top_logprobs: list[float]
    missing_mass: float
    greedy_label: int | None
    """Index of the label that greedy decoding generates; None if it is no label."""
    prompt_tokens: int
    samples: list[int] = field(default_factory=list)
    """Index of the label of each sample, -1 for no label."""
    inside: InsideView = NOTHING_SHOWN
    """What was requested of the model's inside."""
    log_normalizer: float = math.nan
    """ln Σ exp of the raw logits, NaN if the engine does not show them."""
    continuation_tokens: list[int] = field(default_factory=list)
    """Number of tokens of each exact continuation, where the engine has the tokenizer."""


@dataclass(frozen=True)
class Forcing:
    """How to force the answer of a text at points of it: cut the text, append a cue, read."""

    cut: Callable[[str], Sequence[int]]
    """Text → ascending offsets at which to read the answer; the last is the text's length."""
    cue: Callable[[str], str]
    """The text so far → what to append to it, so that an option's label must follow."""
    continuations: tuple[str, ...]
    """The labels that may follow the cue."""


@dataclass(frozen=True)
class ForcedAnswer:
    """The options' distribution after the cue, at one point of a text."""

    point: float
    """Share of the text's characters before the cue, in [0, 1]."""
    answer: Answer


class Watch(Protocol):
    """Who is told how far the generation of several texts has come."""

    def finished(self, prompt: int, generations: Sequence[Generation]) -> None:
        """Take the texts of a prompt (by index), as soon as all of them are finished."""

    def progress(self, tokens: int) -> None:
        """Note that many tokens have been generated since the last call (0: still at work)."""


@dataclass(frozen=True)
class Extras:
    """What to do beside generating texts."""

    forcings: Sequence[Forcing] | None = None
    """How to force each prompt's answer; None for not at all."""
    watch: Watch | None = None
    stop_loops: bool = False
    """Whether to end a text that repeats itself, see `loop_start`."""


NOTHING = Extras()


@dataclass(frozen=True)
class Generation:
    """A generated text with per-token statistics; the end-of-sequence token is excluded."""

    text: str
    token_logprobs: list[float]
    token_entropies: list[float]
    token_top_logprobs: list[list[float]]
    token_uniform_kl: list[float]
    """KL(uniform ‖ q) at each token, in nats, over the tokens of non-zero probability."""
    prompt_tokens: int
    finished: bool
    """False if the token limit truncated the text."""
    answer_start: int | None = 0
    """Offset in ``text`` of the answer, behind the reasoning; None if the text ends within it."""
    reasoning: str | None = None
    """Reasoning that the engine returns apart from ``text``; tokens may cover it all the same."""
    thought_closed: bool = False
    """Whether the thought was closed because its budget was spent."""
    tokens_missing: str | None = None
    """Why there are no per-token statistics."""
    token_at: Callable[[int], int] = field(default=lambda _: -1, repr=False)
    """Offset in ``text`` → index of the token that contains the character; -1 for none."""
    token_ends: Callable[[], list[int]] = field(default=list, repr=False)
    """Gives the offset in ``text`` behind each token; nothing where that is unknown."""
    label_logprobs: Callable[[int, Sequence[str]], list[float] | None] = field(
        default=lambda _position, _labels: None, repr=False
    )
    """(token index, labels) → log-probabilities, variants merged; None if any is unknown."""
    forced: Sequence[ForcedAnswer] = ()
    """The forced answers, if requested."""
    loop_start: int | None = None
    """Token from which on the text repeats itself, -1 for nowhere; None if not looked for."""

    @property
    def answer_text(self) -> str:
        """The text behind the reasoning; "" where the text ends within it."""
        return "" if self.answer_start is None else self.text[self.answer_start :]

    @property
    def answer_token(self) -> int:
        """Index of the first token of the answer: 0 without reasoning, -1 if it is unknown."""
        count = len(self.token_logprobs)
        if self.answer_start is None or not self.text[self.answer_start :].strip():
            return 0 if self.answer_start == 0 and self.reasoning is None else count
        if self.answer_start == 0 and self.reasoning is None:
            return 0
        return self.token_at(self.answer_start)


Identity = dict[str, object]
"""What determines a model's results, by name, as stored in the manifest."""


class Engine(Protocol):
    """A model that scores options and generates text."""

    name: str
    """The name that the model was loaded by."""

    think_end: str
    """The mark that ends a thought, where the user names one (``think_end_token``); or empty."""

    @property
    def identity(self) -> Identity:
        """Return model, revision, hash of the weights, dtype, library versions."""

    @property
    def device_name(self) -> str:
        """Return where the model runs, e.g. ``cpu`` or a GPU's product name."""

    @property
    def context_length(self) -> int | None:
        """Return the maximum tokens of prompt and reply together; None if unknown (remote)."""

    @property
    def streams(self) -> bool:
        """Return whether ``generate`` works on any number of prompts and tells of finished ones."""

    @property
    def withheld(self) -> Mapping[Ability, str]:
        """Return the abilities that the engine lacks, and why."""

    @property
    def has_chat_template(self) -> bool:
        """Return whether ``chat`` can be used."""

    @property
    def tokenizer_name(self) -> str:
        """Return lm-eval's name of the tokenizer."""

    @property
    def thinking(self) -> str | None:
        """Return why its model would think before it answers a chat prompt; None if it would not.

        As far as it is known: from the chat template, or from an endpoint's first reply.
        """

    def chat_template(self, name: bool | str) -> str | None:
        """Return lm-eval's chat template text; None if prompts are not rendered by one."""

    def chat(self, messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Render messages into a prompt by the model's chat template."""

    def count_tokens(self, prompt: str) -> int:
        """Return the length of a prompt in tokens."""

    def speeds(self) -> tuple[float, float] | None:
        """Return about how many tokens are prefilled and decoded per second; None if unknown.

        Measuring takes no more than a second, or than one pass over a few tokens.
        """

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        show: Collection[Part] = (),
    ) -> Sequence[Answer | Failed]:
        """Return one Answer per prompt, in order, or the reason why it failed.

        Args:
            prompts: The prompts with their labels.
            sampling: Also draw labels, by these seeds.
            show: Also show these parts of the model's inside, as far as the model allows.
        """

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
        extras: Extras = NOTHING,
    ) -> Sequence[Generation | Failed]:
        """Return the generations in the order of the prompts, or the reasons why they failed.

        Args:
            prompts: The prompts.
            max_new_tokens: Maximum number of new tokens per generation.
            until: Stop sequences; each text is cut before the first of them.
            sampling: Generate one text per seed; None for one greedy text per prompt.
            extras: What else to do, as far as the engine can: one that cannot force answers or
                tell how far it is returns generations without them.
        """
