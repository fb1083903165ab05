"""What each engine cannot show, known before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping

from .engine import Ability

INSIDE = (Ability.HIDDEN_STATES, Ability.LAYERS, Ability.HEAD, Ability.OPTION_STATES)
"""Abilities that rest on a model's hidden states."""
WITHHELD: Mapping[str, Mapping[Ability, str]] = {
    "hf": {},
    "vllm": {
        **dict.fromkeys(INSIDE, "vllm shows no hidden states"),
        Ability.OWN_TOKENS: "this engine asks vllm for next tokens only",
    },
}
"""Local engine → what it does not show → why."""
WITHHELD_BY_ENDPOINTS: Mapping[Ability, str] = {
    **dict.fromkeys(INSIDE, "an endpoint shows no hidden states"),
    Ability.OWN_TOKENS: "an endpoint shows no log-probabilities of a prompt",
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
