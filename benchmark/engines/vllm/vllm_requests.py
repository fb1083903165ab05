"""Requests to a loaded vLLM model: next-token log-probabilities, and generations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ...console.errors import ApprehendError, UsageError, first_line
from ..shared.engine import Sampling
from .vllm_loading import FEWEST_LOGPROBS

if TYPE_CHECKING:
    from lm_eval.models.vllm_causallms import VLLM

TOP_K = FEWEST_LOGPROBS
IDS_AT_ONCE = 128
"""Maximum number of token ids per request that vLLM accepts."""
WHOLE_AT_ONCE = 16
"""Batch size for requests of the whole vocabulary, tens of megabytes per prompt."""


class _Logprob(Protocol):
    logprob: float


class _Logprobs(Protocol):
    """Log-probabilities of a completion: per position token → value, and flat for one position."""

    token_ids: list[int]
    logprobs: list[float]

    def __iter__(self) -> Iterator[Mapping[int, _Logprob]]: ...


class Completion(Protocol):
    """One completion of a prompt, as vLLM returns it."""

    text: str
    token_ids: Sequence[int]
    logprobs: _Logprobs
    finish_reason: str | None
    stop_reason: int | str | None


class Completions(Protocol):
    """vLLM's reply to a prompt."""

    outputs: Sequence[Completion]


Parameters = Callable[..., object]
"""vLLM's class of sampling parameters."""


@dataclass(frozen=True)
class Place:
    """The log-probabilities of a prompt's next token, and the greedy token."""

    logprobs: dict[int, float]
    greedy: int


class Requests:
    """Sends prompts (token ids) to one vLLM model."""

    def __init__(self, name: str, lm: VLLM, parameters: Parameters, whole: bool) -> None:
        """Take a model and its class of sampling parameters, as ``load_model`` returns them.

        ``whole`` says whether to request the log-probabilities of the whole vocabulary.
        """
        self._name, self._lm, self._whole = name, lm, whole
        self._parameters = parameters

    def parameters(self, **options: object) -> object:
        """Return vLLM's sampling parameters. Raises UsageError for values that it refuses."""
        try:
            return self._parameters(**options)
        except Exception as error:  # a temperature above 2, for one; a class of its own
            raise UsageError(f"{self._name}: vllm: {first_line(error)}") from error

    def next_tokens(
        self, ids: Sequence[list[int]], wanted: Sequence[list[int]] | None = None
    ) -> Iterator[Place]:
        """Yield each prompt's next-token log-probabilities: of ``wanted``, or of the top tokens.

        One call of vLLM requests one or the other: its sampler would answer a mixed batch with
        the wanted ones alone.
        """
        size = WHOLE_AT_ONCE if self._whole else max(1, len(ids))
        for start in range(0, len(ids), size):
            part = list(ids[start : start + size])
            more: list[dict[str, object]] = [{"logprobs": -1 if self._whole else TOP_K}] * len(part)
            if wanted is not None and not self._whole:
                more = [{"logprob_token_ids": tokens} for tokens in wanted[start : start + size]]
            parameters = [
                self.parameters(
                    temperature=0.0, max_tokens=1, detokenize=False, flat_logprobs=True, **options
                )
                for options in more
            ]
            for reply in self.run(part, parameters):
                output = reply.outputs[0]
                shown = zip(output.logprobs.token_ids, output.logprobs.logprobs, strict=True)
                yield Place(dict(shown), int(output.token_ids[0]))

    def run(self, ids: list[list[int]], parameters: list[object]) -> list[Completions]:
        """Return vLLM's reply to each prompt. Raises ApprehendError if it fails."""
        if not ids:
            return []
        try:
            replies = self._lm._model_generate(ids, generate=True, sampling_params=parameters)
        except Exception as error:
            raise ApprehendError(
                f"{self._name}: vllm: {first_line(error)}; what was collected so far is stored, "
                "run again to resume"
            ) from error
        if len(replies) != len(ids):
            raise ApprehendError(
                f"{self._name}: vllm returned {len(replies)} replies to {len(ids)} prompts"
            )
        return list(replies)


def drawing(sampling: Sampling, prompt: int) -> dict[str, object]:
    """Return the sampling parameters of as many samples of a prompt as it has seeds.

    vLLM derives the samples' seeds from the first one.
    """
    seeds = sampling.seeds[prompt]
    more: dict[str, object] = {"top_p": sampling.top_p} if sampling.top_p < 1.0 else {}
    more |= {"top_k": sampling.top_k} if sampling.top_k else {}
    return {
        **{"temperature": sampling.temperature, "n": len(seeds), "seed": seeds[0] % 2**31},
        **more,
    }


def largest(row: Mapping[int, float], count: int) -> list[float]:
    """Return the largest values, in descending order."""
    return sorted(row.values(), reverse=True)[:count]
