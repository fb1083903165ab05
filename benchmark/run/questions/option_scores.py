"""From an option's requests to prompts, and from the replies to scores of the options.

Options that are labels are read off the token after the prompt. Options that are whole texts are
scored by their log-likelihood, normalized as lm-eval's metrics do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from lm_eval.api.instance import Instance

from ...engines.shared.engine import Answer, ChoicePrompt

NORMALIZATIONS = {
    "none": "acc: log p(text)",
    "characters": "acc_norm: log p(text) / characters",
    "bytes": "acc_bytes: log p(text) / bytes",
    "tokens": "log p(text) / tokens",
    "prior": "acc_mutual_info: log p(text | prompt) - log p(text)",
}
"""Name → lm-eval's metric, where it has one, and what is compared between options."""


@dataclass(frozen=True)
class OptionScores:
    """What the replies to a question's prompts say of its K options; natural logarithms."""

    option_logprobs: list[float]
    """(K,) as estimators read them: of labels with their variants, of texts after normalization
    and renormalized over the options."""
    scored_logprobs: list[float]
    """(K,) log-likelihood of each exact continuation."""
    best: int
    """Index of the chosen option; K for the don't-know label."""
    tokens: list[int] | None = None
    """(K,) number of tokens of each text."""
    prior_logprobs: list[float] | None = None
    """(K,) log-likelihood of each text without the prompt, where it was asked for."""


def prompts_of(
    requests: Sequence[Instance], count: int, normalization: str | None
) -> list[ChoicePrompt]:
    """Return the prompts of a question's requests: one per context, in their order.

    Args:
        requests: lm-eval's requests for the question.
        count: Number of options.
        normalization: Of options that are whole texts; None for labels. With ``prior``, the texts
            are also scored without the prompt, if lm-eval does not ask for it.
    """
    pairs = [(str(request.args[0]), str(request.args[1])) for request in requests]
    prompts = []
    for context, group in groupby(pairs, key=lambda pair: pair[0]):
        texts = tuple(text for _, text in group)
        exact = normalization is not None or not context
        prompts.append(ChoicePrompt(context, texts, len(texts) if exact else count, exact))
    if normalization == "prior" and len(pairs) == count:
        prompts.append(ChoicePrompt("", tuple(text for _, text in pairs), count, True))
    return prompts


def scores_of(
    answers: Sequence[Answer], choices: Sequence[str], normalization: str | None
) -> OptionScores:
    """Return the scores of a question's options from the replies to all of its prompts.

    Args:
        answers: The replies to `prompts_of`.
        choices: The options as the task scores them (their lengths normalize).
        normalization: A name of `NORMALIZATIONS`; None for labels.
    """
    count = len(choices)
    if normalization is None:
        first = answers[0]
        best = int(np.argmax(first.scored_logprobs))
        return OptionScores(first.label_logprobs[:count], first.scored_logprobs[:count], best)
    likelihoods = [value for answer in answers for value in answer.scored_logprobs]
    tokens = [size for answer in answers for size in answer.continuation_tokens][:count]
    own, prior = likelihoods[:count], likelihoods[count : 2 * count]
    compared = np.array(own) / _lengths(choices, tokens, normalization)
    if normalization == "prior":
        compared = np.array(own) - np.array(prior)
    top = float(compared.max())
    if math.isinf(top):
        shares = [-math.inf if math.isinf(value) else value for value in compared.tolist()]
    else:
        shares = (compared - top - math.log(float(np.exp(compared - top).sum()))).tolist()
    return OptionScores(shares, own, int(np.argmax(compared)), tokens, prior or None)


def _lengths(choices: Sequence[str], tokens: Sequence[int], normalization: str) -> list[float]:
    if normalization == "characters":
        return [float(max(1, len(choice))) for choice in choices]
    if normalization == "bytes":
        return [float(max(1, len(choice.encode("utf-8", "replace")))) for choice in choices]
    if normalization == "tokens":
        return [float(max(1, size)) for size in tokens]
    return [1.0] * len(choices)
