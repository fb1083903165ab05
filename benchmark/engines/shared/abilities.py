"""What each engine cannot show, known before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping

from .engine import Ability

WITHHELD: Mapping[str, Mapping[Ability, str]] = {
    "hf": {},
    "vllm": {Ability.HIDDEN_STATES: "vllm shows no hidden states"},
}
"""Local engine → what it does not show → why."""
WITHHELD_BY_ENDPOINTS: Mapping[Ability, str] = {
    Ability.HIDDEN_STATES: "an endpoint shows no hidden states",
    Ability.OPTION_TEXTS: "an endpoint shows its most likely next tokens only",
    Ability.NUMBERS: "an endpoint shows next tokens only, and 10 may begin as 1 does",
}


WITHHELD_BY_CHAT: Mapping[Ability, str] = {
    **WITHHELD_BY_ENDPOINTS,
    Ability.CONTINUATIONS: "a chat endpoint does not continue a reply that has been begun",
}


def withheld_by(engine: str) -> Mapping[Ability, str]:
    """Return what an engine of this name does not show, and why."""
    others = WITHHELD_BY_CHAT if "chat" in engine else WITHHELD_BY_ENDPOINTS
    return WITHHELD.get(engine, others)
