"""From logits to what an Answer holds. Everything is reduced on the device, in float32."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch

from .base import Answer, Sampling
from .forward import State
from .labels import LabelTokens, Path
from .sampling import Draws, draw_tokens

TOP_K = 20
_MOST_LOGITS = 2**26
"""Logits of labels' inner tokens that are held at a time."""


def entropy(logprobs: torch.Tensor) -> torch.Tensor:
    """Entropy over the last axis from log-probabilities, nats; -inf contributes nothing."""
    probs = logprobs.exp()
    if not _all_possible(logprobs):
        logprobs = logprobs.masked_fill(probs == 0, 0.0)
    spread: torch.Tensor = -(probs.mul_(logprobs)).sum(dim=-1)
    return spread.clamp(min=0.0)


def uniform_kl(logprobs: torch.Tensor) -> torch.Tensor:
    """KL(uniform ‖ q) over the last axis, nats, in [0, ∞); tokens of -inf are left out."""
    if _all_possible(logprobs):
        return -logprobs.mean(dim=-1) - math.log(logprobs.shape[-1])
    possible = torch.isfinite(logprobs)
    count = possible.sum(dim=-1)
    divergence: torch.Tensor = -logprobs.masked_fill(~possible, 0.0).sum(dim=-1) / count
    return divergence - torch.log(count.to(divergence.dtype))


def _all_possible(logprobs: torch.Tensor) -> bool:
    """Whether no token is impossible; one fast pass that saves several."""
    return bool(torch.isfinite(logprobs.amin()))


@dataclass
class _Row:
    """Log-probabilities of every token path that a row's labels need."""

    labels: tuple[LabelTokens, ...]
    logprob: dict[Path, float]
    greedy: dict[Path, bool]


def read_answers(
    state: State,
    labels: Sequence[tuple[LabelTokens, ...]],
    sampling: Sampling | None = None,
    hidden_state: bool = False,
) -> list[Answer]:
    """Answers of some prompts from their state after the pass."""
    logprobs = torch.log_softmax(state.logits, dim=-1)
    entropies = entropy(logprobs).tolist()
    top = logprobs.topk(min(TOP_K, logprobs.shape[-1]), dim=-1).values
    missing = (1.0 - top.exp().sum(dim=-1)).clamp(min=0.0).tolist()
    greedy = logprobs.argmax(dim=-1).tolist()
    rows = [_Row(row, {}, {}) for row in labels]
    _first_tokens(rows, logprobs, greedy)
    _longer_paths(state, rows)
    chosen = [_chosen_path(row) for row in rows]
    after = _post_answer_entropies(state, chosen)
    tops = top.tolist()
    drawn = [[] for _ in rows] if sampling is None else _draw(rows, state.logits, sampling)
    hidden = state.hidden.float().tolist() if hidden_state else None
    return [
        Answer(
            label_logprobs=_merged(row),
            scored_logprobs=[row.logprob[label.requested] for label in row.labels],
            is_greedy=[row.greedy[label.requested] for label in row.labels],
            entropy=entropies[index],
            post_answer_entropy=after[index],
            top_logprobs=tops[index],
            missing_mass=missing[index],
            greedy_label=_greedy_label(row),
            prompt_tokens=state.lengths[index],
            samples=drawn[index],
            hidden_state=None if hidden is None else hidden[index],
        )
        for index, row in enumerate(rows)
    ]


def _draw(rows: list[_Row], logits: torch.Tensor, sampling: Sampling) -> list[list[int]]:
    """Labels drawn at the temperature. A first token that several labels share is resolved by
    how likely the model (unscaled) continues it with each."""
    draws = [[Draws(seed) for seed in seeds] for seeds in sampling.seeds]
    tokens = draw_tokens(logits, sampling.temperature, draws)
    return [
        [_named(row, token, draw.uniform()) for token, draw in zip(some, own, strict=True)]
        for row, some, own in zip(rows, tokens, draws, strict=True)
    ]


def _named(row: _Row, token: int, uniform: float) -> int:
    """The label that a path beginning with ``token`` writes, -1 for none."""
    stem = row.logprob.get((token,))
    if stem is None:
        return -1
    reached = 0.0
    for index, mass in _label_masses(row, token):
        reached += math.exp(mass - stem)
        if uniform < reached:
            return index
    return -1


def _label_masses(row: _Row, token: int) -> list[tuple[int, float]]:
    """(label, log-probability) of each label through paths that begin with ``token``."""
    found = []
    for index, label in enumerate(row.labels):
        masses = [_exact(row, index, path) for path in label.variants if path[0] == token]
        if masses:
            found.append((index, _logsumexp(masses)))
    return found


def _exact(row: _Row, index: int, variant: Path) -> float:
    """Log-probability of a path, without that of other labels' longer paths."""
    mass = row.logprob[variant]
    for position, other in enumerate(row.labels):
        for path in other.variants:
            longer = len(path) > len(variant) and path[: len(variant)] == variant
            if position != index and longer:
                mass = _log_sub(mass, row.logprob[path])
    return mass


def _paths(row: _Row) -> set[Path]:
    return {path for label in row.labels for path in (label.requested, *label.variants)}


def _first_tokens(rows: list[_Row], logprobs: torch.Tensor, greedy: list[int]) -> None:
    columns = sorted({path[0] for row in rows for path in _paths(row)})
    values = logprobs[:, torch.tensor(columns, device=logprobs.device)].tolist()
    for index, row in enumerate(rows):
        known = dict(zip(columns, values[index], strict=True))
        for path in _paths(row):
            row.logprob[path[:1]] = known[path[0]]
            row.greedy[path[:1]] = path[0] == greedy[index]


def _longer_paths(state: State, rows: list[_Row]) -> None:
    """Labels of several tokens: every inner token path of a row goes through the model once."""
    chains = [(index, chain) for index, row in enumerate(rows) for chain in _chains(_paths(row))]
    most = max(1, _MOST_LOGITS // state.logits.shape[-1])
    while chains:
        count, size = 0, 0
        while count < len(chains) and (not count or size + len(chains[count][1]) <= most):
            size += len(chains[count][1])
            count += 1
        _read_chains(state, rows, chains[:count])
        chains = chains[count:]


def _chains(paths: Collection[Path]) -> list[Path]:
    """The paths without their last tokens, and of those only what is no beginning of another."""
    stems = {path[:-1] for path in paths if len(path) > 1}
    inner = {stem[:size] for stem in stems for size in range(1, len(stem))}
    return sorted(stems - inner)


def _read_chains(state: State, rows: list[_Row], chains: Sequence[tuple[int, Path]]) -> None:
    logprobs = torch.log_softmax(
        state.along([index for index, _ in chains], [chain for _, chain in chains]), dim=-1
    )
    best = logprobs.argmax(dim=-1).tolist()
    steps: list[tuple[int, int, Path]] = []
    place = 0
    for index, chain in chains:
        paths = _paths(rows[index])
        for size in range(1, len(chain) + 1):
            longer = {p[: size + 1] for p in paths if len(p) > size and p[:size] == chain[:size]}
            steps += [(place, index, step) for step in sorted(longer)]
            place += 1
    places = torch.tensor([place for place, _, _ in steps], device=logprobs.device)
    columns = torch.tensor([step[-1] for _, _, step in steps], device=logprobs.device)
    values = logprobs[places, columns].tolist()
    for (place, index, step), value in zip(steps, values, strict=True):
        row, stem = rows[index], step[:-1]
        row.logprob[step] = row.logprob[stem] + value
        row.greedy[step] = row.greedy[stem] and step[-1] == best[place]


def _log_sub(total: float, part: float) -> float:
    """ln(exp(total) - exp(part)), -inf where nothing is left."""
    if part == -math.inf:
        return total
    return total + math.log1p(-math.exp(part - total)) if part < total else -math.inf


def _logsumexp(values: Sequence[float]) -> float:
    top = max(values)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(value - top) for value in values))


def _merged(row: _Row) -> list[float]:
    """Per label: its variants' mass, without that of other labels' longer paths."""
    return [
        _logsumexp([_exact(row, index, variant) for variant in label.variants])
        for index, label in enumerate(row.labels)
    ]


def _chosen_path(row: _Row) -> Path:
    scored = [row.logprob[label.requested] for label in row.labels]
    label = row.labels[max(range(len(scored)), key=lambda i: (scored[i], -i))]
    return max(label.variants, key=lambda path: row.logprob[path])


def _greedy_label(row: _Row) -> int | None:
    """The label that greedy decoding would write; the longest where one continues another."""
    best: tuple[int, int] | None = None
    for index, label in enumerate(row.labels):
        for path in label.variants:
            if row.greedy[path] and (best is None or len(path) > best[0]):
                best = (len(path), index)
    return None if best is None else best[1]


def _post_answer_entropies(state: State, paths: Sequence[Path]) -> list[float]:
    result = [math.nan] * len(paths)
    for size in sorted({len(path) for path in paths}):
        members = [index for index, path in enumerate(paths) if len(path) == size]
        tokens = torch.tensor([paths[index] for index in members], device=state.logits.device)
        values = entropy(torch.log_softmax(state.after(members, tokens), dim=-1)).tolist()
        for index, value in zip(members, values, strict=True):
            result[index] = value
    return result
