"""What an engine is asked and what it returns. Engines know prompts and labels, not questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


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


@dataclass(frozen=True)
class Failed:
    """In the place of an Answer or a Generation that could not be had."""

    reason: str
    """One line."""


class Engine(Protocol):
    """A model that answers at the level of whole questions."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the numbers: model, revision, weights' hash, dtype, library versions."""

    @property
    def has_chat_template(self) -> bool:
        """Whether ``chat`` can be used."""

    def chat(self, messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Messages as the prompt text that the model's chat template makes of them."""

    def count_tokens(self, prompt: str) -> int:
        """Length of a prompt in tokens."""

    def tokens_per_second(self, length: int) -> float | None:
        """Speed of prompts of this length, tokens per second; None where it is not known."""

    def written_tokens_per_second(self, length: int) -> float | None:
        """Speed of writing after prompts of this length; None where it is not known."""

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        hidden_state: bool = False,
    ) -> list[Answer]:
        """One Answer per prompt, in order."""

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
    ) -> list[Generation]:
        """Generations in order of the prompts, cut before the first of ``until``: one greedy each,
        or one per seed of ``sampling``."""
