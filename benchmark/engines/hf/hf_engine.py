"""The ``hf`` engine: any causal language model of transformers, loaded by lm-eval."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import torch

from ....tasks.topics import LETTERS
from ...console.errors import ApprehendError, UsageError
from ..shared.abilities import withheld_by
from ..shared.endings import endings
from ..shared.engine import (
    NOTHING,
    Ability,
    Answer,
    ChoicePrompt,
    Extras,
    Generation,
    Identity,
    Sampling,
)
from ..shared.inside import Part
from ..shared.labels import LabelReader, LabelTokens
from ..shared.loaded_model import LoadedModel, model_path
from ..shared.spelling import Spelling
from ..shared.text_reader import TextTokens
from ..shared.thinking_arguments import think_end_text, thinking_arguments
from .forcing import Forcer
from .forward import Forward
from .generation import Job, Writer, end_ids
from .hf_loading import identity_of, load, whole_number_of
from .inside.lens import Lens
from .inside.views import Watching, check_layers, label_tokens, watched
from .memory import SMALLEST_PASS, is_out_of_memory, sizes_for_decoding, sizes_for_scoring
from .model_attention import keep_softcap
from .reading import read_answers, text_tokens
from .states import Sizes, State
from .static import columns_for
from .timing import TIMED_ROWS, measured_speeds

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")
Work = Callable[[Iterator[State], Sizes], Iterator[tuple[int, ResultT]]]
"""States and the sizes of their batches → each prompt's index and result."""
_PARTS = 8
"""A batch is filled, and refilled, in so many parts."""
_TIMED = Sizes(512, 512, TIMED_ROWS)


class HFEngine(LoadedModel):
    """Scores options and generates text with one transformers model."""

    _lm: HFLM

    def __init__(
        self,
        model_args: dict[str, object],
        batch_size: str | int = "auto",
        device: str | None = None,
    ) -> None:
        """Load the model.

        ``model_args`` are those of lm-eval's ``hf`` model, and ``compile``: decode with a compiled
        model on a static KV cache, for long runs on a GPU. Raises UsageError for a missing local
        path or unsuitable argument, ApprehendError if loading fails.
        """
        arguments = dict(model_args)
        if "pretrained" not in arguments:
            raise UsageError("--model_args: expected pretrained=NAME_OR_PATH for an hf model")
        compiled = arguments.pop("compile", False)
        if not isinstance(compiled, bool):
            raise UsageError(f"--model_args: compile: expected True or False, got {compiled!r}")
        rows = None if batch_size == "auto" else whole_number_of(batch_size)
        name = model_path(str(arguments["pretrained"]), arguments.get("gguf_file"))
        self.name = arguments["pretrained"] = name
        self._lm = load(thinking_arguments(arguments), device)
        self.model = self._lm.model
        keep_softcap(self.model)
        self.tokenizer = self._lm.tokenizer
        self.think_end = think_end_text(self._lm.think_end_token, self.tokenizer)
        self._forward = Forward(self.model)
        self._batches = Batches(name, self._forward, rows)
        self._forward.check_sharing(self.model.get_input_embeddings().num_embeddings)
        if compiled:
            self._forward.compile()
        self._lens: Lens | None = None
        self._labels = LabelReader(self.encode, self.tokenizer.get_vocab())
        tracked = {t for label in LETTERS for t in self._labels.single_tokens(label)}
        tracked |= {t for n in range(1, 26) for t in self._labels.single_tokens(str(n))}
        spelling = Spelling(self.tokenizer, self.think_end)
        self._writer = Writer(
            spelling,
            end_ids(self.model, self.tokenizer),
            self._labels,
            tuple(sorted(tracked)),
            Forcer(self.encode, spelling, self._labels),
        )

    @property
    def identity(self) -> Identity:
        """Return model, revision, dtype, size, and a fingerprint of its weights and tokenizer."""
        return identity_of(self.name, self.model, self.tokenizer)

    @property
    def device_name(self) -> str:
        """Return where the model runs, e.g. ``cpu`` or a GPU's product name."""
        device = self.model.device
        return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)

    @property
    def withheld(self) -> Mapping[Ability, str]:
        """Return nothing: a model in this process shows everything."""
        return withheld_by("hf")

    @property
    def has_chat_template(self) -> bool:
        """Return whether the tokenizer has a chat template."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def speeds(self) -> tuple[float, float]:
        """Measure how many tokens are prefilled and decoded per second, as `Engine.speeds`.

        The model is measured as loaded, even if it will be compiled.
        """
        with torch.inference_mode(), self._forward.running(compiled=False):
            return measured_speeds(self._forward, self._batches.limited(_TIMED))

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        show: Collection[Part] = (),
    ) -> list[Answer]:
        """Return one Answer per prompt: one forward pass, and one decoding step after it."""
        encoded = [self.encode_choice(prompt, self._labels) for prompt in prompts]
        labels = [own for _, own in encoded]
        longest = max((len(label.requested) for own in labels for label in own), default=0)
        ids = self.fit([row for row, _ in encoded], max(8, longest))

        watching = self._watching(labels, show) if show else Watching()

        def read(states: Iterator[State], _: Sizes) -> Iterator[tuple[int, Answer]]:
            for state in states:
                own = None
                if sampling is not None:
                    seeds = [sampling.seeds[row] for row in state.rows]
                    own = Sampling(sampling.temperature, seeds)
                chosen = [labels[row] for row in state.rows]
                answers = read_answers(state, chosen, own, watching)
                if any(math.isnan(answer.entropy) for answer in answers):
                    raise ApprehendError(
                        f"{self.name}: the model's logits are NaN; "
                        "try another dtype (--model_args …,dtype=float32)"
                    )
                yield from zip(state.rows, answers, strict=True)
                del state

        with watched(self._forward, watching):
            return self._batches.each(ids, read, sizes_for_scoring(self.model))

    def _watching(
        self, labels: Sequence[Sequence[LabelTokens]], show: Collection[Part]
    ) -> Watching:
        """Return how to show the model's inside where prompts with these labels are answered."""
        self._lens, forward = self._lens or Lens(self.model), self._forward
        check_layers(show, len(self._lens.layers))
        return Watching(show, self._lens, label_tokens(labels), forward.tolerance, forward)

    def token_logprobs(self, texts: Sequence[str]) -> list[TextTokens]:
        """Return each text's own tokens with their log-probabilities, as `TextReader`."""
        first = self._lm.prefix_token_id
        ids = [self.encode(text) for text in texts]
        ids = [row if row[:1] == [first] else [first, *row] for row in ids]
        return text_tokens(self.model, self.tokenizer, [row[: self.context_length] for row in ids])

    @property
    def streams(self) -> bool:
        """Return True: finished prompts make room for others."""
        return True

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
        extras: Extras = NOTHING,
    ) -> list[Generation]:
        """Return the generations in the order of the prompts, cut before the first stop sequence.

        One greedy generation per prompt, or one per seed of ``sampling``.
        """
        if not prompts:
            return []
        ids = self.fit([self.encode(prompt) for prompt in prompts], 1)
        copies = [1] * len(ids) if sampling is None else [len(seeds) for seeds in sampling.seeds]
        own = held = 0
        static = self._forward.static
        if static is not None:
            own, held = columns_for(max(map(len, ids))), static.bytes
        most = max(copies)
        sizes = sizes_for_decoding(self.model, most, max_new_tokens, own, held)
        job = Job(
            copies=copies,
            room=[min(max_new_tokens, self.context_length - len(row)) for row in ids],
            endings=endings(prompts, until, self.think_end),
            sampling=sampling,
            extras=extras,
        )
        written: dict[int, dict[int, Generation]] = {}

        def write(
            states: Iterator[State], limited: Sizes
        ) -> Iterator[tuple[int, list[Generation]]]:
            part = max(1, limited.rows // refilled)
            whole = replace(job, places=min(limited.rows * most, sum(copies)), part=part)
            for prompt, copy, generation in self._writer.run(states, whole):
                rows = written.setdefault(prompt, {})
                rows[copy] = generation
                if len(rows) == copies[prompt]:
                    texts = [rows[number] for number in range(copies[prompt])]
                    if extras.watch is not None:
                        extras.watch.finished(prompt, texts)
                    yield prompt, texts

        refilled = 1 if static is not None or not self._forward.sharing else _PARTS
        found = self._batches.each(ids, write, sizes, refilled)
        return [generation for generations in found for generation in generations]


class Batches:
    """The batch sizes of one model, which become smaller when memory does not suffice."""

    def __init__(self, name: str, forward: Forward, rows: int | None) -> None:
        """Take the model's name, its forward passes, and ``--batch_size`` (None for auto)."""
        self._name = name
        self._forward = forward
        self._rows = rows
        self.halved = 0
        """How many times memory has run out."""

    def each(
        self, ids: list[list[int]], work: Work[ResultT], sizes: Sizes, parts: int = 1
    ) -> list[ResultT]:
        """Run the prompts in batches, and let ``work`` yield each prompt's result by its index.

        Batches are halved if memory does not suffice; finished prompts are kept. A batch is
        prefilled in so many ``parts``.
        """
        results: dict[int, ResultT] = {}
        while len(results) < len(ids):
            missing = [row for row in range(len(ids)) if row not in results]
            limited = self.limited(sizes)
            part = replace(limited, rows=max(1, limited.rows // parts))
            try:
                with torch.inference_mode(), self._forward.running():
                    states = self._numbered(missing, [ids[row] for row in missing], part)
                    results.update(work(states, limited))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if limited.tokens <= SMALLEST_PASS and limited.rows == 1:
                    raise ApprehendError(
                        f"{self._name}: out of memory on a single prompt; use a smaller dtype or "
                        "device"
                    ) from None
                self.halved += 1
                if self._forward.static is not None:
                    self._forward.static.forget()
                if self._forward.device.type == "cuda":
                    torch.cuda.empty_cache()
        return [results[row] for row in range(len(ids))]

    def _numbered(
        self, numbers: Sequence[int], ids: list[list[int]], sizes: Sizes
    ) -> Iterator[State]:
        """Yield the states of prompts, with these numbers as their rows."""
        for state in self._forward.run(ids, sizes):
            state.rows = [numbers[row] for row in state.rows]
            yield state
            del state

    def limited(self, sizes: Sizes) -> Sizes:
        """Apply ``--batch_size``, and halve the sizes for each time that memory has run out."""
        if self._rows is not None:
            sizes = Sizes(sizes.tokens, 2**31, self._rows)
        tokens = max(SMALLEST_PASS, sizes.tokens >> self.halved)
        together = max(tokens, sizes.together >> self.halved)
        return Sizes(tokens, together, max(1, sizes.rows >> self.halved))
