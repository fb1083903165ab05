"""Probes of a model's inside at the answer position, one pass each.

In new runs they are collected in the pass that answers (`asking/adapter.py`); these probes collect
those that are missing in a store.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....estimators.signals.batch import Signal
from ...engines.shared.engine import Ability
from ..asking.loaded_task import LoadedTask
from .probe import InsideProbe
from .probe_options import ProbeOptions


class HiddenState(InsideProbe):
    """One pass that keeps the input of the language-model head, and states of other layers."""

    signal = Signal.HIDDEN_STATE
    ability = Ability.HIDDEN_STATES

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        return {"hidden_layers": list(options.hidden_layers)} if options.hidden_layers else {}


class LayerAnswers(InsideProbe):
    """One pass that applies the language-model head to every layer."""

    signal = Signal.LAYER_ANSWERS
    ability = Ability.LAYERS


class OptionStates(InsideProbe):
    """One pass, and one token for each option after it."""

    signal = Signal.OPTION_STATES
    ability = Ability.OPTION_STATES


class PerturbedState(InsideProbe):
    """One pass that perturbs the input of the language-model head."""

    signal = Signal.PERTURBED_STATE
    ability = Ability.HEAD
