"""Generation, greedy or sampled: per token only scalars and top-k log-probabilities are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from ..shared.engine import Generation
from ..shared.labels import LabelReader
from ..shared.places import token_at, tokens_before
from ..shared.sampling import Draws, draw_tokens
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
    """What generation needs of a model besides its forward pass."""

    decode: Callable[[list[int]], str]
    end_ids: frozenset[int]
    labels: LabelReader
    tracked: tuple[int, ...]
    """Token ids whose log-probabilities are kept at every token, so that a label's can be read."""

    def run(
        self,
        state: State,
        copies: Sequence[int],
        room: Sequence[int],
        until: Sequence[str],
        temperature: float = 1.0,
        seeds: Sequence[int] | None = None,
    ) -> list[Generation]:
        """Continue each prompt of ``state`` in ``copies`` rows, each by at most ``room`` tokens.

        Greedy, or with ``seeds`` (one per row) sampled at the temperature. A row that is finished
        leaves the batch. Uses the state up.
        """
        lengths = [n for n, count in zip(state.lengths, copies, strict=True) for _ in range(count)]
        rows = [
            _Row(room[i], lengths[i], None if seeds is None else Draws(seeds[i]))
            for i in range(len(room))
        ]
        decoder = state.decoder(copies, max(room))
        places = [place for place, row in enumerate(rows) if row.room > 0]
        active = [rows[place] for place in places]
        logits = decoder.logits[places]
        while active:
            tokens = self._step(logits, active, temperature)
            kept = [i for i, row in enumerate(active) if not self._ended(row, until)]
            if not kept:
                break
            decoder.step([places[i] for i in kept], tokens[kept])
            active, places, logits = [active[i] for i in kept], [*range(len(kept))], decoder.logits
        return [self._finish(row, until) for row in rows]

    def _step(self, logits: torch.Tensor, active: list[_Row], temperature: float) -> torch.Tensor:
        logprobs = torch.log_softmax(logits, dim=-1)
        if active[0].draws is None:
            tokens = logprobs.argmax(dim=-1)
        else:
            draws = [[row.draws] for row in active if row.draws]
            drawn = draw_tokens(logits, temperature, draws)
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

    def _ended(self, row: _Row, until: Sequence[str]) -> bool:
        if not row.finished and until:
            tail = self.decode(row.ids[-_STOP_TAIL:])
            row.finished = any(stop in tail for stop in until)
        return row.finished or len(row.ids) >= row.room

    def _finish(self, row: _Row, until: Sequence[str]) -> Generation:
        text = self.decode(row.ids)
        cut = min((at for stop in until if (at := text.find(stop)) >= 0), default=len(text))
        count = len(row.ids) if cut == len(text) else tokens_before(self.decode, row.ids, cut)
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
    """Ids that end a generation: the model's, by its generation config, and the tokenizer's."""
    found: set[int | None] = set()
    for owner in (getattr(model, "generation_config", None), tokenizer):
        value = getattr(owner, "eos_token_id", None)
        found.update(value if isinstance(value, list | tuple | set) else [value])
    return frozenset(token for token in found if token is not None)
