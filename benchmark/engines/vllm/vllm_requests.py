"""Requests to a loaded vLLM model: what it shows of the next token, and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ...console.errors import ApprehendError, first_line
from .vllm_loading import FEWEST_LOGPROBS

if TYPE_CHECKING:
    from lm_eval.models.vllm_causallms import VLLM

TOP_K = FEWEST_LOGPROBS
IDS_AT_ONCE = 128
"""vLLM takes no more token ids than this in a request."""
WHOLE_AT_ONCE = 16
"""Prompts whose whole vocabulary is held at a time, tens of megabytes each."""


class _Logprob(Protocol):
    logprob: float


class _Logprobs(Protocol):
    """Log-probabilities of a completion: per place token → value, and flat for a single place."""

    token_ids: list[int]
    logprobs: list[float]

    def __iter__(self) -> Iterator[Mapping[int, _Logprob]]: ...


class Completion(Protocol):
    """One completion of a prompt, as vLLM gives it."""

    text: str
    token_ids: Sequence[int]
    logprobs: _Logprobs
    finish_reason: str | None
    stop_reason: int | str | None


class Completions(Protocol):
    """vLLM's reply to a prompt."""

    outputs: Sequence[Completion]


Parameters = Callable[..., object]
"""vLLM's class of a request's parameters."""


@dataclass(frozen=True)
class Place:
    """What vLLM shows of a prompt's next token."""

    logprobs: dict[int, float]
    greedy: int


class Requests:
    """Sends prompts (token ids) to one vLLM model."""

    def __init__(self, name: str, lm: VLLM, parameters: Parameters, whole: bool) -> None:
        """``lm`` and ``parameters`` as ``load_model`` gives them; ``whole`` says whether the whole
        vocabulary is asked for."""
        self._name, self._lm, self._whole = name, lm, whole
        self.parameters = parameters
        """vLLM's class of a request's parameters."""

    def next_tokens(
        self, ids: Sequence[list[int]], wanted: Sequence[list[int]] | None = None
    ) -> Iterator[Place]:
        """What is shown of each prompt's next token: the ``wanted`` tokens, or the most likely.

        A call of vLLM asks for one or the other: its sampler would answer a mixed batch with the
        wanted ones alone.
        """
        size = WHOLE_AT_ONCE if self._whole else max(1, len(ids))
        for start in range(0, len(ids), size):
            part = list(ids[start : start + size])
            more: list[dict[str, object]] = [{"logprobs": -1 if self._whole else TOP_K}] * len(part)
            if wanted is not None and not self._whole:
                more = [{"logprob_token_ids": some} for some in wanted[start : start + size]]
            parameters = [
                self.parameters(
                    temperature=0.0, max_tokens=1, detokenize=False, flat_logprobs=True, **some
                )
                for some in more
            ]
            for reply in self.run(part, parameters):
                output = reply.outputs[0]
                shown = zip(output.logprobs.token_ids, output.logprobs.logprobs, strict=True)
                yield Place(dict(shown), int(output.token_ids[0]))

    def run(self, ids: list[list[int]], parameters: list[object]) -> list[Completions]:
        """vLLM's reply to each prompt. Raises ApprehendError where it fails."""
        if not ids:
            return []
        try:
            replies = self._lm._model_generate(ids, generate=True, sampling_params=parameters)
        except Exception as error:
            raise ApprehendError(
                f"{self._name}: vllm: {first_line(error)}; what was collected so far is stored, "
                "run again to go on"
            ) from error
        if len(replies) != len(ids):
            raise ApprehendError(
                f"{self._name}: vllm gave {len(replies)} replies to {len(ids)} prompts"
            )
        return list(replies)


def drawing(temperature: float, seeds: Sequence[int]) -> dict[str, object]:
    """Parameters of a request for as many samples as seeds; vLLM derives them from the first."""
    return {"temperature": temperature, "n": len(seeds), "seed": seeds[0] % 2**31}


def largest(row: Mapping[int, float], count: int) -> list[float]:
    """The largest values, in descending order."""
    return sorted(row.values(), reverse=True)[:count]
