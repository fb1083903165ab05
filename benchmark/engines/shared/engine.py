"""What an engine is asked and what it returns. Engines know prompts and labels, not questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from ...store.failures import Failed

__all__ = [
    "Ability",
    "Answer",
    "ChoicePrompt",
    "Engine",
    "Failed",
    "Generation",
    "Identity",
    "Sampling",
]


class Ability(str, Enum):
    """What a signal can ask of an engine, and an engine may be unable to show."""

    OPTIONS = "log-probabilities of options"
    TEXTS = "generated texts"
    HIDDEN_STATES = "hidden states"


@dataclass(frozen=True)
class ChoicePrompt:
    """A prompt whose next token should name an option."""

    context: str
    continuations: tuple[str, ...]
    """What lm-eval asks to be scored, e.g. ``" A", " B"``; the don't-know label, if any, last."""
    option_count: int
    """Number of real options; continuations beyond them are the don't-know label."""


@dataclass(frozen=True)
class Sampling:
    """How to draw at random. Each prompt has seeds of its own, so that batches do not matter."""

    temperature: float
    seeds: Sequence[Sequence[int]]
    """Per prompt, one seed for each sample."""


@dataclass(frozen=True)
class Answer:
    """What the distribution after a ChoicePrompt looks like. Log-probabilities are natural.

    ``label_logprobs`` merge a label's variants ("A", " A") and leave out the mass of longer labels
    that begin with it ("1" without "10"). ``scored_logprobs`` are those of the exact
    continuations; ``is_greedy`` says for each whether greedy decoding would produce it.
    """

    label_logprobs: list[float]
    scored_logprobs: list[float]
    is_greedy: list[bool]
    entropy: float
    post_answer_entropy: float
    top_logprobs: list[float]
    missing_mass: float
    greedy_label: int | None
    """Index of the continuation that the most probable token names; None for no label."""
    prompt_tokens: int
    samples: list[int] = field(default_factory=list)
    """Index of the label that each sample drew, -1 for a token that begins no label."""
    hidden_state: list[float] | None = None
    """(d,) last layer at the answer position, where it was asked for."""


@dataclass(frozen=True)
class Generation:
    """A generated text with what each of its tokens showed (end-of-sequence token left out)."""

    text: str
    token_logprobs: list[float]
    token_entropies: list[float]
    token_top_logprobs: list[list[float]]
    token_uniform_kl: list[float]
    """KL(uniform ‖ q) at each token, nats, over the tokens that the model can produce."""
    prompt_tokens: int
    finished: bool
    """False where the token limit cut the text off."""
    token_at: Callable[[int], int] = field(default=lambda _: -1, repr=False)
    """Index of the token that holds the character at an offset of ``text``; -1 for none."""
    label_logprobs: Callable[[int, Sequence[str]], list[float] | None] = field(
        default=lambda _position, _labels: None, repr=False
    )
    """Log-probabilities of labels at a token, variants merged; None if a label is not a token."""


Identity = dict[str, object]
"""What decides a model's numbers, by name, as a manifest keeps it."""


class Engine(Protocol):
    """A model that answers at the level of whole questions."""

    name: str
    """What the model was loaded by."""

    @property
    def identity(self) -> Identity:
        """Model, revision, hash of the weights, dtype, library versions."""

    @property
    def device_name(self) -> str:
        """Where the model runs, e.g. ``cpu`` or a GPU's product name."""

    @property
    def context_length(self) -> int | None:
        """Tokens of prompt and reply together, at most; None where an endpoint does not say."""

    @property
    def withheld(self) -> Mapping[Ability, str]:
        """What the engine does not show → why; it shows all other abilities."""

    @property
    def has_chat_template(self) -> bool:
        """Whether ``chat`` can be used."""

    @property
    def tokenizer_name(self) -> str:
        """lm-eval's name of the tokenizer."""

    def chat_template(self, name: bool | str) -> str | None:
        """lm-eval's chat template text; None where prompts are not made by one."""

    def chat(self, messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Messages as the prompt text that the model's chat template makes of them."""

    def count_tokens(self, prompt: str) -> int:
        """Length of a prompt in tokens."""

    def tokens_per_second(self, length: int) -> float | None:
        """Prefill throughput on prompts of this length, tokens per second; None if unknown."""

    def written_tokens_per_second(self, length: int) -> float | None:
        """Decode throughput after prompts of this length, tokens per second; None if unknown."""

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        hidden_state: bool = False,
    ) -> Sequence[Answer | Failed]:
        """One Answer per prompt, in order, or why there is none."""

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
    ) -> Sequence[Generation | Failed]:
        """Generations in order of the prompts, cut before the first of ``until``: one greedy each,
        or one per seed of ``sampling``; or why there is none."""
