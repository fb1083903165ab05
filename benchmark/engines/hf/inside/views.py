"""Turn what was kept of a batch into one view per prompt, by the prompts' labels."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ....console.errors import UsageError
from ...shared.inside import (
    NOTHING_SHOWN,
    Inside,
    InsideView,
    LayerState,
    LayerView,
    Part,
    PerturbedView,
)
from ...shared.labels import LabelTokens
from ...shared.paths import LabelPaths
from .layer_watch import LayerNumbers, LayerWatch, StateWatch
from .lens import MOST_LOGITS, Lens
from .state_pushing import RADII, push


@dataclass(frozen=True)
class Watching:
    """What to show of prompts beside their answers, and how to read it."""

    show: Collection[Part] = ()
    lens: Lens | None = None
    tokens: Sequence[int] = ()
    """The watched tokens, see `label_tokens`."""
    tolerance: float = 0.0
    """The tolerance within which numbers count as equal."""
    forward: Prefiller | None = None

    @property
    def kept(self) -> list[int]:
        """Return the numbers of the layers whose states are shown, ascending."""
        count = 0 if self.lens is None else len(self.lens.layers)
        parts = (part for part in self.show if isinstance(part, LayerState))
        return sorted({part.number(count) for part in parts} - {0})


class Prefilled(Protocol):
    """Prompts after a pass, as `State`."""

    logits: Tensor
    hidden: Tensor
    layers: LayerNumbers

    def after(self, rows: Sequence[int], tokens: Tensor) -> Tensor: ...


class Prefiller(Protocol):
    """Who runs the passes, as `Forward`."""

    watch: LayerWatch | None
    after: StateWatch | None


@contextlib.contextmanager
def watched(forward: Prefiller, watching: Watching) -> Iterator[None]:
    """Keep what is to be shown of the layers where prompts are prefilled inside this block."""
    kept, lens = watching.kept, watching.lens
    if lens is not None and (kept or Inside.LAYERS in watching.show):
        tokens = watching.tokens if Inside.LAYERS in watching.show else ()
        forward.watch = LayerWatch(lens, tokens, watching.tolerance, kept)
    try:
        yield
    finally:
        forward.watch = None


def check_layers(show: Collection[Part], count: int) -> None:
    """Raise UsageError for the state after a layer that a model of ``count`` layers lacks."""
    for part in show:
        if isinstance(part, LayerState) and not part.number(count):
            raise UsageError(
                f"--hidden_layers: expected at most {count}, the number of the model's layers, "
                f"got {part.layer}"
            )


def label_tokens(labels: Sequence[Sequence[LabelTokens]]) -> list[int]:
    """Return the tokens that are the labels of prompts, or begin them, in ascending order."""
    return sorted({path[0] for own in labels for label in own for path in label.variants})


def views(
    state: Prefilled,
    rows: Sequence[LabelPaths],
    watching: Watching,
) -> list[InsideView]:
    """Return what is to be shown of each prompt.

    Args:
        state: The prefilled prompts, with what was kept of their layers.
        rows: Their labels and the labels' log-probabilities.
        watching: What to show, and how.
    """
    show, lens, tokens = watching.show, watching.lens, watching.tokens
    if not show or lens is None:
        return [NOTHING_SHOWN] * len(rows)
    members = [_members(row.labels, tokens) for row in rows]
    states: list[list[float]] | None = None
    if Inside.STATE in show:
        states = state.hidden.float().tolist()
    kept: list[list[list[float]]] = state.layers.states.tolist()
    layers = _layer_views(state.layers, members) if Inside.LAYERS in show else None
    pushed = None
    if Inside.PERTURBED in show:
        pushed = _pushed_views(state, rows, members, lens, tokens, watching.tolerance)
    options = None
    if Inside.OPTIONS in show and lens.layers and watching.forward is not None:
        middle = StateWatch(lens.layers[(len(lens.layers) + 1) // 2 - 1])
        options = _option_views(state, rows, watching.forward, middle)
    return [
        InsideView(
            state=None if states is None else states[index],
            layers=None if layers is None else layers[index],
            layer_numbers=watching.kept if len(kept) else [],
            layer_states=kept[index] if len(kept) else [],
            perturbed=None if pushed is None else pushed[index],
            options=None if options is None else options[index],
        )
        for index in range(len(rows))
    ]


def _members(labels: Sequence[LabelTokens], tokens: Sequence[int]) -> Tensor | None:
    """Return (labels, C) which watched tokens spell each label; None if one has no such token.

    The head reads one token: a label of several ("10" in most tokenizers) is not among them, and
    the mass of "1" would be the mass of both.
    """
    place = {token: column for column, token in enumerate(tokens)}
    members = torch.zeros((len(labels), len(tokens)), dtype=torch.bool)
    for index, label in enumerate(labels):
        for path in label.variants:
            if len(path) == 1:
                members[index, place[path[0]]] = True
    return members if bool(members.any(dim=1).all()) else None


def _merged(logprobs: Tensor, members: Tensor) -> list[list[float]]:
    """Return (R, labels) log-probabilities of labels, from those of tokens (R, C)."""
    spread = logprobs[:, None, :].masked_fill(~members[None], -torch.inf)
    merged: list[list[float]] = torch.logsumexp(spread, dim=-1).tolist()
    return merged


def _layer_views(
    numbers: LayerNumbers, members: Sequence[Tensor | None]
) -> Sequence[LayerView | None]:
    if len(numbers.logprobs) != len(members):
        return [None] * len(members)
    found: list[LayerView | None] = []
    for logprobs, path, own in zip(numbers.logprobs, numbers.path, members, strict=True):
        if own is None:
            found.append(None)
            continue
        geometry: list[list[float]] = [[], [], [], []]
        if not bool(path.isnan().any()):
            geometry = path.tolist()
        norms, turns, supports, arrivals = geometry
        found.append(LayerView(_merged(logprobs, own), norms, turns, supports, arrivals))
    return found


def _pushed_views(
    state: Prefilled,
    rows: Sequence[LabelPaths],
    members: Sequence[Tensor | None],
    lens: Lens,
    tokens: Sequence[int],
    tolerance: float,
) -> Sequence[PerturbedView | None]:
    found: list[PerturbedView | None] = [None] * len(rows)
    known = [index for index, own in enumerate(members) if own is not None]
    if not known or not lens.reads_head(state.hidden, state.logits, tolerance):
        return found
    answers = torch.stack([_answer_of(rows[index], members[index]) for index in known])
    inputs = state.hidden[torch.tensor(known, device=state.hidden.device)]
    watched = torch.tensor(tokens, device=inputs.device)
    pushed = push(lens, inputs, watched, answers)
    for place, index in enumerate(known):
        own = members[index]
        assert own is not None  # `known` are those that have labels
        columns: list[list[float]] = pushed.columns[place].tolist()
        norms: list[float] = pushed.norms[place].tolist()
        entropies, divergences, margins, cosines = columns
        found[index] = PerturbedView(
            radii=list(RADII),
            label_logprobs=_merged(pushed.logprobs[place], own),
            entropies=entropies,
            divergences=divergences,
            margins=margins,
            cosines=cosines,
            gradient_norm=norms[0],
            state_norm=norms[1],
        )
    return found


def _option_views(
    state: Prefilled, rows: Sequence[LabelPaths], forward: Prefiller, middle: StateWatch
) -> Sequence[list[list[float]] | None]:
    """Return the covariances of the states after the labels; None where one has no single token.

    The labels of a prompt are appended together, those of all prompts in passes of as many rows as
    the state has, since a batch that is not prefilled as a tree is copied for them.
    """
    tokens = [_single_tokens(row.labels) for row in rows]
    pairs = [(index, token) for index, own in enumerate(tokens) for token in own]
    size = max(1, min(len(rows), MOST_LOGITS // state.logits.shape[-1]))
    kept: list[list[Tensor]] = [[] for _ in rows]
    forward.after = middle
    try:
        for start in range(0, len(pairs), size):
            part = pairs[start : start + size]
            column = torch.tensor([[token] for _, token in part], device=state.logits.device)
            state.after([index for index, _ in part], column)
            (states,) = middle.states
            middle.states.clear()
            for (index, _), own in zip(part, states.float().cpu(), strict=True):
                kept[index].append(own)
    finally:
        forward.after = None
    return [_covariance(own) if own else None for own in kept]


def _single_tokens(labels: Sequence[LabelTokens]) -> list[int]:
    """Return the token of each label, that of lm-eval's continuation if it is one; [] if none."""
    found = []
    for label in labels:
        singles = [path[0] for path in (label.requested, *label.variants) if len(path) == 1]
        if not singles:
            return []
        found.append(singles[0])
    return found


def _covariance(states: Sequence[Tensor]) -> list[list[float]]:
    """Return the covariance of states (d,), as rows."""
    stacked = torch.stack(list(states)).double()
    centered = stacked - stacked.mean(dim=1, keepdim=True)
    rows: list[list[float]] = (centered @ centered.T / (stacked.shape[1] - 1)).tolist()
    return rows


def _answer_of(row: LabelPaths, members: Tensor | None) -> Tensor:
    """Return (C,) which watched tokens spell the label with the most likely continuation."""
    assert members is not None  # as above
    scored = row.scored()
    return members[max(range(len(scored)), key=lambda index: (scored[index], -index))]
