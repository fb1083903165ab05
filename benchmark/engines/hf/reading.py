"""Read answers, and texts' own tokens, off the logits: reduced on the device, in float32."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ...console.errors import ApprehendError
from ..shared.engine import Answer, Sampling
from ..shared.labels import LabelTokens, Path
from ..shared.paths import LabelPaths
from ..shared.sampling import Draws, draw_tokens
from ..shared.text_reader import TextTokens
from .inside.views import Watching, views
from .memory import is_out_of_memory
from .states import State

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOP_K = 20
PLAIN = Watching()
_MOST_LOGITS = 2**26
"""Maximum number of logits, of labels' inner tokens or of whole texts, held at a time."""


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


def text_tokens(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, ids: Sequence[list[int]]
) -> list[TextTokens]:
    """Return the tokens of texts behind their first, with their log-probabilities.

    Args:
        model: The model.
        tokenizer: Its tokenizer, which spells the tokens.
        ids: Token ids of each text, at least one each.

    Raises:
        ApprehendError: Memory does not suffice for a single text, or the logits are NaN.
    """
    found: dict[int, list[float]] = {}
    waiting = [sorted(range(len(ids)), key=lambda row: len(ids[row]), reverse=True)]
    vocabulary = model.get_input_embeddings().num_embeddings
    while waiting:
        rows = waiting.pop()
        if not rows:
            continue
        fitting = max(1, _MOST_LOGITS // (vocabulary * len(ids[rows[0]])))
        rows, rest = rows[:fitting], rows[fitting:]
        waiting.append(rest)
        try:
            read = _logprobs(model, [ids[row] for row in rows])
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise ApprehendError(
                    f"out of memory on a text of {len(ids[rows[0]])} tokens; use a smaller dtype "
                    "or device"
                ) from None
            waiting += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
            continue
        found.update(zip(rows, read, strict=True))
    return [
        TextTokens([str(t) for t in tokenizer.convert_ids_to_tokens(row[1:])], found[place])
        for place, row in enumerate(ids)
    ]


def _logprobs(model: PreTrainedModel, rows: Sequence[list[int]]) -> list[list[float]]:
    longest = max(map(len, rows))
    padded = [[*row, *[row[-1]] * (longest - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    device = model.device
    tokens = torch.tensor(padded, device=device)
    with torch.inference_mode():
        logits = model(
            input_ids=tokens, attention_mask=torch.tensor(mask, device=device), use_cache=False
        ).logits[:, :-1]
        logs = torch.log_softmax(logits.float(), dim=-1)
        read = logs.gather(2, tokens[:, 1:, None])[:, :, 0]
    if bool(read.isnan().any()):
        raise ApprehendError(
            "the model's logits are NaN; try another dtype (--model_args …,dtype=float32)"
        )
    values: list[list[float]] = read.tolist()
    return [line[: len(row) - 1] for line, row in zip(values, rows, strict=True)]
