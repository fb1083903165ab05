"""The output head of a transformers model as a function of a hidden state: the logit lens.

Names of modules differ between architectures, so they are found by what they do: the layers are
the list of as many modules as the model has layers, the final norm is what turns the last layer's
output into the head's input. The first pass checks that both give the model's own logits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

logger = logging.getLogger(__name__)

MOST_LOGITS = 2**26
"""Maximum number of logits of layers or perturbed states that are held at a time."""
_CHECKED = 4
"""Prompts of the first pass that are compared."""


class Lens:
    """The layers of a model and its head, final norm included."""

    def __init__(self, model: PreTrainedModel) -> None:
        config = model.config.get_text_config()
        self.layers = _layers(model, int(config.num_hidden_layers))
        self.head = model.get_output_embeddings()
        self._vocabulary = int(model.get_input_embeddings().num_embeddings)
        self.after_head = _after_head(config)
        self.norms = _candidates(model, self.layers)
        """Modules that may be the final norm; one at most once the first pass has been seen."""
        self._unknown: dict[str, bool] = {}
        """What has been checked, and whether it failed."""

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits (n, V), float32, of inputs of the head (n, d)."""
        logits: Tensor = self.head(inputs)
        return self.after_head(logits).float()

    def normed(self, states: Tensor) -> Tensor:
        """Return the head's inputs (n, d) for states after a layer (n, d)."""
        result = states
        for norm in self.norms:
            normed: Tensor = norm(result)
            result = normed
        return result

    def chunks(self, states: Tensor) -> Iterator[Tensor]:
        """Yield the rows of states (n, d), as many at a time as their logits allow."""
        size = max(1, MOST_LOGITS // self._vocabulary)
        for start in range(0, len(states), size):
            yield states[start : start + size]

    def reads_head(self, inputs: Tensor, logits: Tensor, tolerance: float) -> bool:
        """Return whether ``logits`` gives the model's own, as the first pass shows.

        Args:
            inputs: (n, d) the head's inputs.
            logits: (n, V) the model's logits for them.
            tolerance: The absolute and relative tolerance within which numbers count as equal.
        """
        if "head" not in self._unknown:
            own = self.logits(inputs[:_CHECKED]).to(logits.device)
            equal = torch.allclose(own, logits[:_CHECKED], atol=tolerance, rtol=tolerance)
            self._note("head", "" if equal else "it changes its head's logits in an unknown way")
        return not self._unknown["head"]

    def reads_layers(self, last: Tensor, inputs: Tensor, tolerance: float) -> bool:
        """Return whether one norm, or none, turns the last layer's states into the head's inputs.

        Args:
            last: (n, d) the last layer's states.
            inputs: (n, d) the head's inputs for them.
            tolerance: As in ``reads_head``.
        """
        if "layers" not in self._unknown:
            wanted = inputs[:_CHECKED].float()
            own = [norm for norm in self.norms if _width(norm) == inputs.shape[-1]]
            problem = "its head does not read a norm of the last layer"
            for choice in ([], *([norm] for norm in own)):
                self.norms = list(choice)
                normed = self.normed(last[:_CHECKED]).to(wanted.device).float()
                if torch.allclose(normed, wanted, atol=tolerance, rtol=tolerance):
                    problem = ""
                    break
            self._note("layers", problem)
        return not self._unknown["layers"]

    def _note(self, what: str, problem: str) -> None:
        self._unknown[what] = bool(problem)
        if problem:
            logger.warning("this model is not read between its layers: %s", problem)


def _layers(model: PreTrainedModel, count: int) -> list[torch.nn.Module]:
    """Return the model's layers, the outermost list of that many modules; empty if there is none.

    A vision tower's layers have another size of states and come under another name.
    """
    for name, module in model.named_modules():
        other = "vision" in name or "audio" in name or "encoder" in name.split(".")
        if isinstance(module, torch.nn.ModuleList) and len(module) == count and not other:
            return list(module)
    return []


def _candidates(model: PreTrainedModel, layers: list[torch.nn.Module]) -> list[torch.nn.Module]:
    """Return the modules that may be the final norm: those of a vector, outside the layers."""
    inside = {id(module) for layer in layers for module in layer.modules()}
    return [
        module
        for module in model.modules()
        if id(module) not in inside and not list(module.children()) and _width(module)
    ]


def _width(module: torch.nn.Module) -> int:
    """Return the length of a module's weight if it is a vector, as that of a norm is; else 0."""
    weight: object = getattr(module, "weight", None)
    return len(weight) if isinstance(weight, Tensor) and weight.ndim == 1 else 0


def _after_head(config: PretrainedConfig) -> Callable[[Tensor], Tensor]:
    """Return what models do to the logits of their head: scale them (Cohere, Granite), cap them."""
    cap: float | None = getattr(config, "final_logit_softcapping", None)
    scale: float | None = getattr(config, "logit_scale", None)
    divisor: float | None = getattr(config, "logits_scaling", None)
    factor = (scale or 1.0) / (divisor or 1.0)

    def change(logits: Tensor) -> Tensor:
        if factor != 1.0:
            logits = logits * factor
        return torch.tanh(logits / cap) * cap if cap else logits

    return change
