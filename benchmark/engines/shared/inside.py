"""What an engine can show of a model's inside at the answer position, beside its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Inside(str, Enum):
    """Parts of a model's inside that `Engine.score` shows on request."""

    STATE = "hidden_state"
    LAYERS = "layer_answers"
    PERTURBED = "perturbed_state"
    OPTIONS = "option_states"


LAYER_WORDS = ("first", "middle", "last")


@dataclass(frozen=True)
class LayerState:
    """The state after one layer, as another part that is shown on request."""

    layer: str
    """Its number, from 1, or one of ``LAYER_WORDS``."""

    def number(self, count: int) -> int:
        """Return its number in a model of ``count`` layers; 0 if there is none."""
        words = dict(zip(LAYER_WORDS, (1, (count + 1) // 2, count), strict=True))
        number = words[self.layer] if self.layer in words else int(self.layer)
        return number if number <= count else 0


Part = Inside | LayerState


@dataclass(frozen=True)
class LayerView:
    """The answer after each of L layers, and the path of their updates, as `LayerAnswersTable`."""

    label_logprobs: list[list[float]]
    """(L, labels) log-probabilities, nats, variants merged."""
    update_norms: list[float]
    turns: list[float]
    supports: list[float]
    arrivals: list[float]


@dataclass(frozen=True)
class PerturbedView:
    """The answer at each radius around the hidden state, as `PerturbedStateTable`."""

    radii: list[float]
    label_logprobs: list[list[float]]
    """(S + 1, labels) log-probabilities, nats, variants merged."""
    entropies: list[float]
    divergences: list[float]
    margins: list[float]
    cosines: list[float]
    gradient_norm: float
    state_norm: float


@dataclass(frozen=True)
class InsideView:
    """What was requested; None for what was not, or what the model does not show."""

    state: list[float] | None = None
    """(d,) the input of the language-model head at the answer position."""
    layers: LayerView | None = None
    layer_numbers: list[int] = field(default_factory=list)
    layer_states: list[list[float]] = field(default_factory=list)
    """(S, d) the states after these layers."""
    perturbed: PerturbedView | None = None
    options: list[list[float]] | None = None
    """(labels, labels) covariance of the states after each label, as in `OptionStatesTable`."""


NOTHING_SHOWN = InsideView()
