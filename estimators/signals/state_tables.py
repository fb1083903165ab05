"""The tables of a model's inside at the answer position: its states, and what the head reads there.

L is the number of layers, K that of options, d the size of a state; "nats" are natural logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tables import FloatArray, IntArray, Kind, SignalTable, column
from .trace_tables import Options

WITH_ANSWER = "none where it is collected with the answer, else 1 prompt"


@dataclass(frozen=True)
class HiddenStateTable(SignalTable, signal="hidden_state", cost=WITH_ANSWER):
    """The last layer, and others if asked for, at the answer position of the direct answer."""

    state: FloatArray = column(Kind.FLOATS, single=True)
    """(n, d) the hidden state from which the answer token's logits are computed."""
    layers: IntArray = column(Kind.INTS)
    """(n, S) numbers of the layers whose states were asked for too, from 1; -1 is padding."""
    layer_states: FloatArray = column(Kind.FLOAT_LISTS, single=True)
    """(n, S, d) the states after these layers, before any norm of the output head."""

    def after(self, layer: int) -> FloatArray:
        """Return the (n, d) states after a layer, 0 for the output head's input; NaN if absent."""
        if not layer:
            return self.state
        result = np.full((len(self), self.layer_states.shape[2]), np.nan)
        rows, places = np.nonzero(self.layers == layer)
        result[rows] = self.layer_states[rows, places]
        return result


@dataclass(frozen=True)
class LayerAnswersTable(Options, SignalTable, signal="layer_answers", cost=WITH_ANSWER):
    """The answer that each layer would give, and the path of the layers' updates.

    The output head (final norm, unembedding, and what the model does to logits after it) is applied
    to the state after each layer at the answer position: the logit lens. The last layer's is the
    model's own answer. u_l is the output of layer l's MLP there, s_l = u_1 + … + u_l the sum so
    far.
    """

    option_logprobs: FloatArray = column(Kind.FLOAT_LISTS, single=True)
    """(n, L, K) log-probability of each option's label after each layer, nats, over the full
    vocabulary; merged over the label's spellings in one token ("A", " A"), which the head reads.
    Empty where a label has none, or the head cannot be applied to the layers."""
    update_norms: FloatArray = column(Kind.FLOATS, single=True)
    """(n, L) ‖u_l‖, the length of each update; empty for a model without MLPs of that name."""
    turns: FloatArray = column(Kind.FLOATS, single=True)
    """(n, L) cos(u_l, u_{l-1}), in [-1, 1]; 0 for the first layer."""
    supports: FloatArray = column(Kind.FLOATS, single=True)
    """(n, L) cos(u_l, s_{l-1}): negative where a layer contradicts the sum so far; 0 for the
    first."""
    arrivals: FloatArray = column(Kind.FLOATS, single=True)
    """(n, L) cos(s_l, s_L), how near the sum so far is to where it ends; 1 for the last."""


@dataclass(frozen=True)
class OptionStatesTable(SignalTable, signal="option_states", cost="K tokens, with the answer"):
    """How alike the states are in which the model is after each option's label as its answer.

    z_i is the state after the middle layer, ⌊(L + 1) / 2⌋ of L, at the label's token.
    """

    covariance: FloatArray = column(Kind.FLOAT_LISTS, single=True)
    """(n, K, K) (z_i - mean z_i) · (z_j - mean z_j) / (d - 1), means over the d dimensions. Empty
    where a label has no spelling in one token."""


@dataclass(frozen=True)
class PerturbedStateTable(Options, SignalTable, signal="perturbed_state", cost=WITH_ANSWER):
    """The answer after the hidden state is pushed against it, by S growing steps.

    h is the output head's input at the answer position, g the gradient of -ln P(answer) in h, where
    the answer is the most probable option. The head is applied to h + r · g / ‖g‖ for each radius
    r, the first of which is 0. q_r is the distribution over the full vocabulary.
    """

    radii: FloatArray = column(Kind.FLOATS)
    """(n, S + 1) the radii r, ascending from 0, in units of the hidden state."""
    option_logprobs: FloatArray = column(Kind.FLOAT_LISTS, single=True)
    """(n, S + 1, K) log-probability of each option's label at each radius, as in
    LayerAnswersTable."""
    entropies: FloatArray = column(Kind.FLOATS, single=True)
    """(n, S + 1) entropy of q_r, nats."""
    divergences: FloatArray = column(Kind.FLOATS, single=True)
    """(n, S + 1) KL(q_0 ‖ q_r), nats."""
    margins: FloatArray = column(Kind.FLOATS, single=True)
    """(n, S + 1) the largest logit minus the second largest."""
    cosines: FloatArray = column(Kind.FLOATS, single=True)
    """(n, S + 1) cosine between the perturbed and the original state."""
    gradient_norm: FloatArray = column(Kind.FLOAT)
    """(n,) ‖g‖."""
    state_norm: FloatArray = column(Kind.FLOAT)
    """(n,) ‖h‖."""
