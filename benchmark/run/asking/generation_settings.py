"""The settings of generated texts, in lm-eval's spelling: a task's own, and ``--gen_kwargs``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...console.arguments import parse_arguments
from ...console.errors import UsageError
from ...console.number_limits import MOST_TOKENS

if TYPE_CHECKING:
    from ...engines.shared.engine import Sampling

DEFAULT_TOKENS = 256
"""Longest text of a task that sets no length, as in lm-eval's ``hf``."""
LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""lm-eval's names of the largest number of new tokens, the first of those given counts."""
OWN = ("max_gen_toks", "until", "do_sample", "temperature", "top_p", "top_k")
"""Settings that every engine knows; others are fields of an endpoint's requests."""
_OPTION = "--gen_kwargs"


@dataclass(frozen=True)
class GenerationSettings:
    """How the texts of a task are generated."""

    most: int
    """Largest number of new tokens."""
    until: tuple[str, ...] = ()
    temperature: float = 0.0
    """0 for greedy decoding."""
    top_p: float = 1.0
    top_k: int = 0

    @classmethod
    def of(cls, options: Mapping[str, object]) -> GenerationSettings:
        """Read the settings of a task or request, as lm-eval has them."""
        until = options.get("until") or ()
        sampled = bool(options.get("do_sample"))
        length = next((options[name] for name in LENGTHS if name in options), DEFAULT_TOKENS)
        return cls(
            int(str(length)),
            (until,) if isinstance(until, str) else tuple(map(str, _listed(until))),
            float(str(options.get("temperature", 1.0))) if sampled else 0.0,
            float(str(options.get("top_p", 1.0))) if sampled else 1.0,
            int(str(options.get("top_k", 0))) if sampled else 0,
        )

    def sampling(self, seeds: list[int]) -> Sampling | None:
        """Return how to draw one text per prompt by these seeds; None for greedy texts."""
        if not self.temperature:
            return None
        from ...engines.shared.engine import Sampling

        return Sampling(self.temperature, [[seed] for seed in seeds], self.top_p, self.top_k)


def _listed(until: object) -> list[object]:
    return list(until) if isinstance(until, list | tuple) else []


def read_gen_kwargs(text: str) -> dict[str, object]:
    """Parse ``--gen_kwargs``. Raises UsageError for a value that cannot be."""
    given = parse_arguments(_OPTION, text)
    lengths = [given.pop(name) for name in LENGTHS if name in given]
    settings: dict[str, object] = {}
    if lengths:
        settings["max_gen_toks"] = _whole("max_gen_toks", lengths[0], 1, MOST_TOKENS)
    for name, value in given.items():
        settings[name] = _checked(name, value)
    drawn = [name for name in ("temperature", "top_p", "top_k") if name in settings]
    if settings.get("temperature") == 0 and not settings.get("do_sample"):
        settings["do_sample"] = False
    elif "temperature" in settings:
        settings.setdefault("do_sample", True)
    if settings.get("do_sample") and settings.get("temperature") == 0:
        raise UsageError(f"{_OPTION}: do_sample=True needs a temperature above 0")
    if not settings.get("do_sample") and set(drawn) - {"temperature"}:
        raise UsageError(
            f"{_OPTION}: {drawn[-1]} has no effect on greedy texts; add temperature=NUMBER"
        )
    return settings


def request_extras(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that only an endpoint can understand: fields of its requests."""
    return {name: value for name, value in settings.items() if name not in OWN}


def check_for_engine(settings: Mapping[str, object], engine: str, endpoint: bool) -> None:
    """Raise UsageError for settings that the engine does not know."""
    for name in request_extras(settings):
        if not endpoint:
            raise UsageError(
                f"{_OPTION}: {name}: {engine} knows {', '.join(OWN)}; others are fields of an "
                "endpoint's requests, and a chat template's arguments belong into --model_args "
                "chat_template_args={…}"
            )


def _checked(name: str, value: object) -> object:
    if name == "temperature":
        return _number(name, value, 0.0, 100.0)
    if name == "top_p":
        return _number(name, value, 0.0, 1.0, above=True)
    if name == "top_k":
        return _whole(name, value, 0, MOST_TOKENS)
    if name == "do_sample" and not isinstance(value, bool):
        raise UsageError(f"{_OPTION}: do_sample: expected True or False, got {value!r}")
    if name == "until":
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(t, str) and t for t in texts):
            raise UsageError(
                f'{_OPTION}: until: expected a text or a JSON list of texts, e.g. until=["###"], '
                f"got {value!r}"
            )
        return texts
    if name in ("seed", "n", "stream", "logprobs", "top_logprobs", "messages", "prompt", "model"):
        raise UsageError(
            f"{_OPTION}: {name} cannot be set"
            + ("; --seed sets it" if name == "seed" else ": each request has its own")
        )
    return value


def _number(name: str, value: object, low: float, high: float, above: bool = False) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not fits or (above and value == low):
        bound = f"above {low:g}, at most {high:g}" if above else f"from {low:g} to {high:g}"
        raise UsageError(f"{_OPTION}: {name}: expected a number {bound}, got {value!r}")
    return float(str(value))


def _whole(name: str, value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UsageError(
            f"{_OPTION}: {name}: expected a whole number from {low} to {high}, got {value!r}"
        )
    return value
