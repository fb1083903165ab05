"""Generation, greedy or sampled: only scalars and top-k log-probabilities are kept per token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from ..shared.endings import Ending
from ..shared.engine import Generation, Sampling
from ..shared.labels import LabelReader
from ..shared.places import token_at, tokens_before
from ..shared.sampling import Draws, draw_tokens, nucleus
from .reading import entropy, uniform_kl
from .states import State

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TRACE_TOP_K = 10
_STOP_TAIL = 16


@dataclass
class _Row:
    room: int
    prompt_tokens: int
    ending: Ending
    draws: Draws | None = None
    """Random numbers for sampling; None for greedy."""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    uniform_kls: list[float] = field(default_factory=list)
    tops: list[list[float]] = field(default_factory=list)
    tracked: list[list[float]] = field(default_factory=list)
    finished: bool = False


@dataclass(frozen=True)
class Writer:
    """What generation needs from a model besides its forward pass."""

    decode: Callable[[list[int]], str]
    end_ids: frozenset[int]
    labels: LabelReader
    tracked: tuple[int, ...]
    """Token ids whose log-probabilities are kept at every position, so that labels can be read."""

    def run(
        self,
        state: State,
        copies: Sequence[int],
        room: Sequence[int],
        endings: Sequence[Ending],
        sampling: Sampling | None = None,
    ) -> list[Generation]:
        """Continue each prompt of ``state``, which is consumed.

        Args:
            state: The prefilled prompts.
            copies: The number of rows of each prompt.
            room: The maximum number of new tokens of each row.
            endings: What ends each row's text.
            sampling: One seed per row; None for greedy decoding.

        Returns one generation per row. Finished rows leave the batch.
        """
        lengths = [n for n, count in zip(state.lengths, copies, strict=True) for _ in range(count)]
        rows = [
            _Row(room[i], lengths[i], endings[i], Draws(sampling.seeds[i][0]) if sampling else None)
            for i in range(len(room))
        ]
        decoder = state.decoder(copies, max(room))
        places = [place for place, row in enumerate(rows) if row.room > 0]
        active = [rows[place] for place in places]
        logits = decoder.logits[places]
        while active:
            tokens = self._step(logits, active, sampling)
            kept = [i for i, row in enumerate(active) if not self._ended(row)]
            if not kept:
                break
            decoder.step([places[i] for i in kept], tokens[kept])
            active, places, logits = [active[i] for i in kept], [*range(len(kept))], decoder.logits
        return [self._finish(row) for row in rows]

    def _step(
        self, logits: torch.Tensor, active: list[_Row], sampling: Sampling | None
    ) -> torch.Tensor:
        logprobs = torch.log_softmax(logits, dim=-1)
        if sampling is None:
            tokens = logprobs.argmax(dim=-1)
        else:
            draws = [[row.draws] for row in active if row.draws]
            drawn = draw_tokens(nucleus(logits, sampling), sampling.temperature, draws)
            tokens = torch.tensor(drawn, device=logits.device).squeeze(1)
        best = logprobs.gather(1, tokens[:, None]).squeeze(1)
        top = logprobs.topk(min(TRACE_TOP_K, logprobs.shape[-1]), dim=-1).values
        tracked = logprobs[:, torch.tensor(self.tracked, device=logprobs.device, dtype=torch.long)]
        ids: list[int] = tokens.tolist()
        scalars = (best, entropy(logprobs), uniform_kl(logprobs))
        numbers: list[list[float]] = [column.tolist() for column in scalars]
        lists: list[list[list[float]]] = [top.tolist(), tracked.tolist()]
        for place, (row, token) in enumerate(zip(active, ids, strict=True)):
            if token in self.end_ids:
                row.finished = True
                continue
            row.ids.append(token)
            row.logprobs.append(numbers[0][place])
            row.entropies.append(numbers[1][place])
            row.uniform_kls.append(numbers[2][place])
            row.tops.append(lists[0][place])
            row.tracked.append(lists[1][place])
        return tokens

    def _ended(self, row: _Row) -> bool:
        if not row.finished and row.ending.until:
            tail = self.decode(row.ids[-_STOP_TAIL:])
            if any(stop in tail for stop in row.ending.until):
                row.finished = row.ending.stops(self.decode(row.ids))
        return row.finished or len(row.ids) >= row.room

    def _finish(self, row: _Row) -> Generation:
        text = self.decode(row.ids)
        cut = row.ending.cut(text, row.finished)
        count = len(row.ids) if cut is None else tokens_before(self.decode, row.ids, cut)
        text = text[:cut]
        tracked = row.tracked[:count]
        return Generation(
            text=text,
            token_logprobs=row.logprobs[:count],
            token_entropies=row.entropies[:count],
            token_top_logprobs=row.tops[:count],
            token_uniform_kl=row.uniform_kls[:count],
            prompt_tokens=row.prompt_tokens,
            finished=row.finished,
            answer_start=row.ending.start(text, row.finished),
            token_at=lambda offset: token_at(self.decode, row.ids[:count], offset),
            label_logprobs=lambda position, labels: self._labels(tracked, position, labels),
        )

    def _labels(
        self, tracked: list[list[float]], position: int, labels: Sequence[str]
    ) -> list[float] | None:
        column: dict[int, int] = {token: i for i, token in enumerate(self.tracked)}
        result = []
        for label in labels:
            known = [column[t] for t in self.labels.single_tokens(label) if t in column]
            if not known or not 0 <= position < len(tracked):
                return None
            values = torch.tensor([tracked[position][i] for i in known], dtype=torch.float64)
            result.append(float(torch.logsumexp(values, dim=0)))
        return result


def end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return the end-of-sequence ids of the model's generation config and of its tokenizer."""
    ids: set[int | None] = set()
    for owner in (getattr(model, "generation_config", None), tokenizer):
        value = getattr(owner, "eos_token_id", None)
        ids.update(value if isinstance(value, list | tuple | set) else [value])
    return frozenset(token for token in ids if token is not None)
