"""What lm-eval is told of the options of a question."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.api.instance import Instance

from ...engines.shared.engine import Answer, Failed

UNANSWERED = (-1e9, False)
"""The reply for each option of a failed question; lm-eval warns of numbers that are not finite."""


def replies_to(
    question: Sequence[Instance], answers: Sequence[Answer | Failed]
) -> list[tuple[float, bool]]:
    """Return the reply to each request of a question."""
    replies: list[tuple[float, bool]] = []
    for answer in answers:
        if isinstance(answer, Failed):
            return [UNANSWERED] * len(question)
        replies += zip(answer.scored_logprobs, answer.is_greedy, strict=True)
    assert len(replies) >= len(question)
    return replies[: len(question)]
