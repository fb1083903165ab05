"""Generation, greedy or sampled: only scalars and top-k log-probabilities are kept per token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from ..shared.endings import Ending
from ..shared.engine import NOTHING, Extras, Generation, Sampling
from ..shared.labels import LabelReader
from ..shared.loops import COVERED, loop_start
from ..shared.places import token_at, token_ends, tokens_before
from ..shared.sampling import Draws, draw_tokens, nucleus
from .forcing import Forcer
from .reading import entropy, uniform_kl
from .states import Decoder, State

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TRACE_TOP_K = 10
_STOP_TAIL = 16
_LOOP_STEP = 32
"""Tokens between two looks for a loop."""


@dataclass(frozen=True)
class Job:
    """What to generate: prompts by index, each with some rows."""

    copies: Sequence[int]
    """The number of rows of each prompt."""
    room: Sequence[int]
    """The maximum number of new tokens of each prompt's rows."""
    endings: Sequence[Ending]
    """What ends the texts of each prompt."""
    sampling: Sampling | None = None
    """With one seed per row of each prompt; None for greedy decoding."""
    places: int = 0
    """The number of rows at a time, where finished ones can be replaced."""
    part: int = 1
    """The largest number of prompts of a state."""
    extras: Extras = NOTHING


@dataclass
class _Row:
    prompt: int
    copy: int
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
    loop_start: int = -1


Written = tuple[int, int, Generation]
"""Index of a prompt, number of its row, and the text."""


@dataclass(frozen=True)
class Writer:
    """What generation needs from a model besides its forward pass."""

    decode: Callable[[list[int]], str]
    end_ids: frozenset[int]
    labels: LabelReader
    tracked: tuple[int, ...]
    """Token ids whose log-probabilities are kept at every position, so that labels can be read."""
    forcer: Forcer

    def run(self, states: Iterator[State], job: Job) -> Iterator[Written]:
        """Continue prompts, and yield each row's text as soon as it is finished.

        Args:
            states: The prefilled prompts, whose rows are the indices in the job; they are
                consumed, each when there is room for its rows.
            job: What to generate.
        """
        decoder: Decoder | None = None
        active: list[_Row] = []
        more = True
        part = [max(job.copies)] * job.part
        while active or more:
            while more and (decoder is None or not active or decoder.takes(part)):
                state = next(states, None)
                if state is None:
                    more = False
                    if decoder is not None:
                        decoder.close()
                    break
                yield from self._without_room(job, state)
                copies = [job.copies[p] if job.room[p] > 0 else 0 for p in state.rows]
                if decoder is not None and decoder.takes(copies):
                    decoder.add(state, copies)
                elif sum(copies):
                    decoder = state.decoder(copies, max(job.room), job.places)
                active += self._rows(job, state, copies)
                if job.extras.watch:
                    job.extras.watch.progress(0)
            if decoder is None or not active:
                continue
            tokens = self._step(decoder.logits, active, job.sampling)
            ended = [self._ended(row, job) for row in active]
            done = [place for place, over in enumerate(ended) if over]
            kept = [place for place, over in enumerate(ended) if not over]
            yield from self._finished(decoder, active, done, job)
            if job.extras.watch:
                job.extras.watch.progress(len(active))
            active = [active[place] for place in kept]
            decoder.step(kept, tokens[kept])

    def _rows(self, job: Job, state: State, copies: Sequence[int]) -> list[_Row]:
        rows = []
        for prompt, size, count in zip(state.rows, state.lengths, copies, strict=True):
            for copy in range(count):
                draws = None if job.sampling is None else Draws(job.sampling.seeds[prompt][copy])
                ending = job.endings[prompt]
                rows.append(_Row(prompt, copy, job.room[prompt], size, ending, draws))
        return rows

    def _without_room(self, job: Job, state: State) -> Iterator[Written]:
        """Yield the empty texts of prompts that fill the context."""
        full = [job.copies[p] if job.room[p] <= 0 else 0 for p in state.rows]
        for row in self._rows(job, state, full):
            yield row.prompt, row.copy, self._finish(row)

    def _finished(
        self, decoder: Decoder, active: Sequence[_Row], done: Sequence[int], job: Job
    ) -> Iterator[Written]:
        """Yield the rows that are done, with their forced answers if requested."""
        if not done:
            return
        written = [self._finish(active[place]) for place in done]
        if job.extras.forcings is not None:
            forcings = [job.extras.forcings[active[place].prompt] for place in done]
            kept = [len(generation.token_logprobs) for generation in written]
            ids = [active[place].ids[:n] for place, n in zip(done, kept, strict=True)]
            written = self.forcer.force(decoder, done, ids, written, forcings)
        for place, generation in zip(done, written, strict=True):
            yield active[place].prompt, active[place].copy, generation

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

    def _ended(self, row: _Row, job: Job) -> bool:
        if not row.finished and row.ending.until:
            tail = self.decode(row.ids[-_STOP_TAIL:])
            if any(stop in tail for stop in row.ending.until):
                row.finished = row.ending.stops(self.decode(row.ids))
        length = len(row.ids)
        if row.loop_start < 0 and length >= COVERED and (length - COVERED) % _LOOP_STEP == 0:
            row.loop_start = loop_start(row.ids)
        looped = job.extras.stop_loops and row.loop_start >= 0
        return row.finished or looped or length >= row.room

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
            token_ends=lambda: token_ends(self.decode, row.ids[:count], text),
            label_logprobs=lambda position, labels: self._labels(tracked, position, labels),
            loop_start=row.loop_start if row.loop_start < count else -1,
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
