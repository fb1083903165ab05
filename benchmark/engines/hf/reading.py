"""Read an Answer off the logits. Everything is reduced on the device, in float32."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ..shared.engine import Answer, Sampling
from ..shared.labels import LabelTokens, Path
from ..shared.paths import LabelPaths
from ..shared.sampling import Draws, draw_tokens
from .inside.views import Watching, views
from .states import State

TOP_K = 20
PLAIN = Watching()
_MOST_LOGITS = 2**26
"""Maximum number of logits of labels' inner tokens that are held at a time."""


def entropy(logprobs: torch.Tensor) -> torch.Tensor:
    """Compute the entropy over the last axis from log-probabilities, in nats; -inf counts 0."""
    probs = logprobs.exp()
    if not _all_possible(logprobs):
        logprobs = logprobs.masked_fill(probs == 0, 0.0)
    spread: torch.Tensor = -(probs.mul_(logprobs)).sum(dim=-1)
    return spread.clamp(min=0.0)


def uniform_kl(logprobs: torch.Tensor) -> torch.Tensor:
    """Compute KL(uniform ‖ q) over the last axis, in nats, in [0, ∞); -inf tokens are left out."""
    if _all_possible(logprobs):
        return -logprobs.mean(dim=-1) - math.log(logprobs.shape[-1])
    possible = torch.isfinite(logprobs)
    count = possible.sum(dim=-1)
    divergence: torch.Tensor = -logprobs.masked_fill(~possible, 0.0).sum(dim=-1) / count
    return divergence - torch.log(count.to(divergence.dtype))


def _all_possible(logprobs: torch.Tensor) -> bool:
    """Return whether no token is impossible: one fast pass that saves several."""
    return bool(torch.isfinite(logprobs.amin()))


def read_answers(
    state: State,
    labels: Sequence[tuple[LabelTokens, ...]],
    sampling: Sampling | None = None,
    watching: Watching = PLAIN,
    after: bool = True,
) -> list[Answer]:
    """Return one answer per prompt of a state.

    Args:
        state: The prefilled prompts.
        labels: The token paths of each prompt's labels.
        sampling: Temperature and seeds of the labels to draw; None for none.
        watching: What to show of the model's inside, and how.
        after: Whether to read the entropy after the answer too, else NaN.
    """
    logprobs = torch.log_softmax(state.logits, dim=-1)
    entropies = entropy(logprobs).tolist()
    top = logprobs.topk(min(TOP_K, logprobs.shape[-1]), dim=-1).values
    missing = (1.0 - top.exp().sum(dim=-1)).clamp(min=0.0).tolist()
    greedy = logprobs.argmax(dim=-1).tolist()
    rows = [LabelPaths(row) for row in labels]
    _first_tokens(rows, logprobs, greedy)
    _longer_paths(state, rows)
    chosen = [row.chosen() for row in rows]
    later = _post_answer_entropies(state, chosen) if after else [math.nan] * len(rows)
    tops = top.tolist()
    drawn = [[] for _ in rows] if sampling is None else _draw(rows, state.logits, sampling)
    inside = views(state, rows, watching)
    normalizers = torch.logsumexp(state.logits, dim=-1).tolist()
    return [
        Answer(
            label_logprobs=row.merged(),
            scored_logprobs=row.scored(),
            is_greedy=row.is_greedy(),
            entropy=entropies[index],
            post_answer_entropy=later[index],
            top_logprobs=tops[index],
            missing_mass=missing[index],
            greedy_label=row.greedy_label(),
            prompt_tokens=state.lengths[index],
            samples=drawn[index],
            inside=inside[index],
            log_normalizer=normalizers[index],
            continuation_tokens=[len(label.requested) for label in row.labels],
        )
        for index, row in enumerate(rows)
    ]


def _draw(rows: list[LabelPaths], logits: torch.Tensor, sampling: Sampling) -> list[list[int]]:
    """Draw labels at the temperature.

    A first token that several labels share is resolved by the model's own probabilities (at
    temperature 1) of continuing it with each.
    """
    draws = [[Draws(seed) for seed in seeds] for seeds in sampling.seeds]
    tokens = draw_tokens(logits, sampling.temperature, draws)
    return [
        [row.named(token, draw.uniform()) for token, draw in zip(drawn, own, strict=True)]
        for row, drawn, own in zip(rows, tokens, draws, strict=True)
    ]


def _first_tokens(rows: list[LabelPaths], logprobs: torch.Tensor, greedy: list[int]) -> None:
    steps = [row.steps(()) for row in rows]
    columns = sorted({step[0] for row_steps in steps for step in row_steps})
    values = logprobs[:, torch.tensor(columns, device=logprobs.device)].tolist()
    for index, row in enumerate(rows):
        row.fill(steps[index], dict(zip(columns, values[index], strict=True)), greedy[index])


def _longer_paths(state: State, rows: list[LabelPaths]) -> None:
    """Score labels of several tokens: every inner token path of a row is run once."""
    chains = [(index, chain) for index, row in enumerate(rows) for chain in row.chains()]
    most = max(1, _MOST_LOGITS // state.logits.shape[-1])
    while chains:
        count, size = 0, 0
        while count < len(chains) and (not count or size + len(chains[count][1]) <= most):
            size += len(chains[count][1])
            count += 1
        _read_chains(state, rows, chains[:count])
        chains = chains[count:]


def _read_chains(state: State, rows: list[LabelPaths], chains: Sequence[tuple[int, Path]]) -> None:
    logprobs = torch.log_softmax(
        state.along([index for index, _ in chains], [chain for _, chain in chains]), dim=-1
    )
    best = logprobs.argmax(dim=-1).tolist()
    steps: list[tuple[int, int, Path]] = []
    place = 0
    for index, chain in chains:
        for size in range(1, len(chain) + 1):
            steps += [(place, index, step) for step in rows[index].steps(chain[:size])]
            place += 1
    places = torch.tensor([place for place, _, _ in steps], device=logprobs.device)
    columns = torch.tensor([step[-1] for _, _, step in steps], device=logprobs.device)
    values = logprobs[places, columns].tolist()
    for (place, index, step), value in zip(steps, values, strict=True):
        rows[index].fill([step], {step[-1]: value}, best[place])


def _post_answer_entropies(state: State, paths: Sequence[Path]) -> list[float]:
    result = [math.nan] * len(paths)
    for size in sorted({len(path) for path in paths}):
        members = [index for index, path in enumerate(paths) if len(path) == size]
        tokens = torch.tensor([paths[index] for index in members], device=state.logits.device)
        values = entropy(torch.log_softmax(state.after(members, tokens), dim=-1)).tolist()
        for index, value in zip(members, values, strict=True):
            result[index] = value
    return result
