"""Watch the layers of a model during a pass, and keep small numbers of each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .lens import Lens

Choose = Callable[[Tensor], Tensor]
"""Hidden states (1 or B, T, d) → those of the prompts' last tokens (n, d)."""


@dataclass
class LayerNumbers:
    """What was kept of n prompts, on the CPU."""

    logprobs: Tensor = field(default_factory=lambda: torch.empty(0))
    """(n, L, C) log-probabilities of the watched tokens after each layer, nats."""
    path: Tensor = field(default_factory=lambda: torch.empty(0))
    """(n, 4, L) norms, turns, supports and arrivals of the updates; NaN without MLPs."""
    states: Tensor = field(default_factory=lambda: torch.empty(0))
    """(n, S, d) the states after the layers that are kept."""

    def add(self, other: LayerNumbers) -> None:
        """Append other prompts."""
        self.logprobs = _joined(self.logprobs, other.logprobs)
        self.path = _joined(self.path, other.path)
        self.states = _joined(self.states, other.states)


def _joined(own: Tensor, more: Tensor) -> Tensor:
    if not len(more):
        return own
    return torch.cat([own, more]) if len(own) else more


class LayerWatch:
    """Reads the layers in the passes that prefill prompts."""

    def __init__(
        self, lens: Lens, tokens: Sequence[int], tolerance: float, kept: Sequence[int] = ()
    ) -> None:
        """Watch the probabilities of ``tokens`` (C of them; none to keep states alone).

        ``kept`` are the numbers, from 1, of the layers whose states are kept.
        """
        self._lens = lens
        self._kept = list(kept)
        self._tolerance = tolerance
        self._tokens = list(tokens)
        self._states: list[Tensor] = []
        self._updates: list[Tensor] = []

    @contextlib.contextmanager
    def hooked(self, choose: Choose) -> Iterator[None]:
        """Keep the chosen states of every layer of a pass in this block."""
        self._states, self._updates = [], []
        hooks = []
        for layer in self._lens.layers:
            hooks.append(layer.register_forward_hook(_keeping(self._states, choose)))
            mlp: object = getattr(layer, "mlp", None)
            if isinstance(mlp, torch.nn.Module):
                hooks.append(mlp.register_forward_hook(_keeping(self._updates, choose)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def numbers(self, inputs: Tensor, logits: Tensor) -> LayerNumbers:
        """Return what is kept of the last pass.

        Args:
            inputs: (n, d) the head's inputs.
            logits: (n, V) the model's logits, float32.
        """
        states, self._states = self._states, []
        updates, self._updates = self._updates, []
        lens, tolerance = self._lens, self._tolerance
        if not states or len(states) != len(lens.layers):
            return LayerNumbers()
        device = logits.device
        kept = LayerNumbers()
        if self._kept:
            chosen = [states[number - 1].to(device).float() for number in self._kept]
            kept.states = torch.stack(chosen, dim=1).cpu()
        if not self._tokens or not lens.reads_head(inputs, logits, tolerance):
            return kept
        if not lens.reads_layers(states[-1].to(inputs.device), inputs, tolerance):
            return kept
        tokens = torch.tensor(self._tokens, device=device)
        rows = [self._logprobs(state.to(device), tokens) for state in states[:-1]]
        rows.append(torch.log_softmax(logits, dim=-1)[:, tokens])
        kept.logprobs = torch.stack(rows, dim=1).cpu()
        kept.path = _path(updates, len(states), len(logits)).cpu()
        return kept

    def _logprobs(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Return the (n, C) log-probabilities of the tokens, nats, for states after a layer."""
        parts = []
        for part in self._lens.chunks(states):
            logits = self._lens.logits(self._lens.normed(part))
            parts.append(logits[:, tokens] - torch.logsumexp(logits, dim=-1, keepdim=True))
        return torch.cat(parts)


class StateWatch:
    """Keeps the states after one layer in the passes of a block."""

    def __init__(self, layer: torch.nn.Module) -> None:
        self._layer = layer
        self.states: list[Tensor] = []
        """(n, d) the chosen states of each pass."""

    @contextlib.contextmanager
    def hooked(self, choose: Choose) -> Iterator[None]:
        """Keep the chosen states of the layer of a pass in this block."""
        hook = self._layer.register_forward_hook(_keeping(self.states, choose))
        try:
            yield
        finally:
            hook.remove()


def _keeping(kept: list[Tensor], choose: Choose) -> Callable[[object, object, object], None]:
    def keep(_module: object, _inputs: object, output: object) -> None:
        first = output[0] if isinstance(output, tuple) else output
        assert isinstance(first, Tensor)
        kept.append(choose(first))

    return keep


def _path(updates: list[Tensor], count: int, prompts: int) -> Tensor:
    """Return the (n, 4, L) geometry of updates (n, d), see `LayerAnswersTable`; NaN without."""
    if len(updates) != count:
        return torch.full((prompts, 4, count), torch.nan)
    device = updates[-1].device
    steps = [update.to(device).float() for update in updates]
    end = torch.stack(steps).sum(dim=0)
    zero = torch.zeros(len(end), device=device)
    so_far, last = torch.zeros_like(end), torch.zeros_like(end)
    columns = []
    for number, step in enumerate(steps):
        turn = torch.cosine_similarity(step, last, dim=-1) if number else zero
        support = torch.cosine_similarity(step, so_far, dim=-1) if number else zero
        so_far, last = so_far + step, step
        arrival = torch.cosine_similarity(so_far, end, dim=-1)
        columns.append(torch.stack([step.norm(dim=-1), turn, support, arrival], dim=1))
    return torch.stack(columns, dim=2)
