"""Records of what an engine shows of a model's inside, collected with the answer or by a probe."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ....estimators.signals.batch import Signal
from ...engines.shared.engine import Answer, Failed
from ...engines.shared.inside import Inside, LayerState, Part
from ...store.failures import QuestionId
from ...store.stored_rows import Record, Row

SHOWN = {Signal(part.value): part for part in Inside}
"""Signal → the part of a model's inside that it stores."""
Shown = tuple[QuestionId, Answer | Failed, int]
"""A question, the answer to its first prompt, and the number of options after it."""


def shown_by(signals: Iterable[Signal]) -> dict[Signal, Inside]:
    """Return those of the signals that are parts of a model's inside, with the part."""
    return {signal: SHOWN[signal] for signal in signals if signal in SHOWN}


def inside_record(signal: Signal, answer: Answer, option_count: int) -> Record:
    """Return a signal's columns; empty where the model does not show them."""
    view = answer.inside
    if signal is Signal.HIDDEN_STATE:
        if not view.layer_numbers:
            return {"state": view.state}
        return {
            "state": view.state,
            "layers": view.layer_numbers,
            "layer_states": view.layer_states,
        }
    if signal is Signal.LAYER_ANSWERS:
        if view.layers is None:
            return {}
        return {
            "option_logprobs": [row[:option_count] for row in view.layers.label_logprobs],
            "update_norms": view.layers.update_norms,
            "turns": view.layers.turns,
            "supports": view.layers.supports,
            "arrivals": view.layers.arrivals,
        }
    if signal is Signal.OPTION_STATES:
        rows = view.options
        return {} if rows is None else {"covariance": _square(rows, option_count)}
    if view.perturbed is None:
        return {}
    pushed = view.perturbed
    return {
        "radii": pushed.radii,
        "option_logprobs": [row[:option_count] for row in pushed.label_logprobs],
        "entropies": pushed.entropies,
        "divergences": pushed.divergences,
        "margins": pushed.margins,
        "cosines": pushed.cosines,
        "gradient_norm": pushed.gradient_norm,
        "state_norm": pushed.state_norm,
    }


def _square(rows: Sequence[Sequence[float]], size: int) -> list[list[float]]:
    """Return the values between the first labels, which are the options'."""
    return [list(row[:size]) for row in rows[:size]]


def parts_of(signals: Collection[Signal], layers: Sequence[str]) -> frozenset[Part]:
    """Return the parts of a model's inside that these signals store.

    ``layers`` are those whose states are stored beside the hidden state.
    """
    parts: set[Part] = set(shown_by(signals).values())
    if Signal.HIDDEN_STATE in signals:
        parts |= {LayerState(layer) for layer in layers}
    return frozenset(parts)


def inside_rows(signal: Signal, shown: Sequence[Shown]) -> list[Row]:
    """Return a signal's rows of the questions that have been answered."""
    return [
        (question_id, inside_record(signal, answer, option_count))
        for question_id, answer, option_count in shown
        if not isinstance(answer, Failed)
    ]
