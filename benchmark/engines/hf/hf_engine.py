"""The ``hf`` engine: any causal language model of transformers, loaded by lm-eval."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch

from ....tasks.topics import LETTERS
from ...console.errors import ApprehendError, UsageError, first_line
from ..shared.abilities import withheld_by
from ..shared.engine import Ability, Answer, ChoicePrompt, Generation, Identity, Sampling
from ..shared.labels import LabelReader
from ..shared.loaded_model import LoadedModel, model_path
from .forward import Forward
from .generation import Writer, end_ids
from .memory import SMALLEST_PASS, is_out_of_memory, sizes_for_decoding, sizes_for_scoring
from .model_attention import keep_softcap
from .reading import read_answers
from .states import Sizes, State
from .static import columns_for

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


_TIMED_STEPS = 4
"""Tokens to decode when measuring throughput."""


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
        self._rows = None if batch_size == "auto" else _whole_number(batch_size)
        self._halved = 0
        name = model_path(str(arguments["pretrained"]), arguments.get("gguf_file"))
        self.name = arguments["pretrained"] = name
        self._lm = _load(arguments, device)
        self.model = self._lm.model
        keep_softcap(self.model)
        self.tokenizer = self._lm.tokenizer
        self._forward = Forward(self.model)
        self._forward.check_sharing(self.model.get_input_embeddings().num_embeddings)
        if compiled:
            self._forward.compile()
        self._labels = LabelReader(self.encode, self.tokenizer.get_vocab())
        tracked = {t for label in LETTERS for t in self._labels.single_tokens(label)}
        tracked |= {t for n in range(1, 26) for t in self._labels.single_tokens(str(n))}
        self._writer = Writer(
            lambda ids: str(self.tokenizer.decode(ids, skip_special_tokens=True)),
            end_ids(self.model, self.tokenizer),
            self._labels,
            tuple(sorted(tracked)),
        )

    @property
    def identity(self) -> Identity:
        """Return model, revision, dtype, size, and a fingerprint of its weights and tokenizer."""
        return {
            "engine": "hf",
            "pretrained": self.name,
            "revision": getattr(self.model.config, "_commit_hash", None),
            "architecture": type(self.model).__name__,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "fingerprint": _fingerprint(self.model, self.tokenizer),
        }

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

    def tokens_per_second(self, length: int) -> float:
        """Measure the prefill throughput on prompts of this length, in tokens per second."""
        took = 0.0
        for trial in range(2):
            rows = [[4 * trial + index + 1] * max(1, length) for index in range(4)]
            began = time.perf_counter()
            with self._forward.running():
                list(self._forward.run(rows, self._limited(sizes_for_scoring(self.model))))
            took = time.perf_counter() - began
        return len(rows) * max(1, length) / max(took, 1e-6)

    def written_tokens_per_second(self, length: int) -> float:
        """Measure the decode throughput after prompts of this length, in tokens per second.

        The model is measured as loaded, even if it will be compiled.
        """
        rows = [[index % 7 + 1] * max(1, length) for index in range(16)]
        sizes = self._limited(sizes_for_decoding(self.model, 1, _TIMED_STEPS))
        generated, took = 0, 0.0
        with torch.inference_mode(), self._forward.running(compiled=False):
            for state in self._forward.run(rows, sizes):
                count = len(state.rows)
                decoder = state.decoder([1] * count, _TIMED_STEPS)
                began = time.perf_counter()
                for _ in range(_TIMED_STEPS):
                    tokens = decoder.logits.argmax(dim=-1)
                    decoder.step(list(range(count)), tokens)
                decoder.logits.sum().item()  # waits for the device
                took += time.perf_counter() - began
                generated += count * _TIMED_STEPS
        return generated / max(took, 1e-6)

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        hidden_state: bool = False,
    ) -> list[Answer]:
        """Return one Answer per prompt: one forward pass, and one decoding step after it."""
        encoded = [self.encode_choice(prompt, self._labels) for prompt in prompts]
        labels = [own for _, own in encoded]
        longest = max((len(label.requested) for own in labels for label in own), default=0)
        ids = self.fit([row for row, _ in encoded], max(8, longest))

        def read(state: State) -> list[Answer]:
            own = None
            if sampling is not None:
                own = Sampling(sampling.temperature, [sampling.seeds[row] for row in state.rows])
            answers = read_answers(state, [labels[row] for row in state.rows], own, hidden_state)
            if any(math.isnan(answer.entropy) for answer in answers):
                raise ApprehendError(
                    f"{self.name}: the model's logits are NaN; "
                    "try another dtype (--model_args …,dtype=float32)"
                )
            return answers

        return self._each(ids, read, sizes_for_scoring(self.model))

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
    ) -> list[Generation]:
        """Return the generations in the order of the prompts, cut before the first stop sequence.

        One greedy generation per prompt, or one per seed of ``sampling``.
        """
        ids = self.fit([self.encode(prompt) for prompt in prompts], 1)
        limit = self.context_length
        copies = [1] * len(ids) if sampling is None else [len(seeds) for seeds in sampling.seeds]

        def write(state: State) -> list[list[Generation]]:
            counts = [copies[row] for row in state.rows]
            room = [
                min(max_new_tokens, limit - len(ids[row]))
                for row in state.rows
                for _ in range(copies[row])
            ]
            if sampling is None:
                return [[g] for g in self._writer.run(state, counts, room, until)]
            seeds = [seed for row in state.rows for seed in sampling.seeds[row]]
            written = iter(
                self._writer.run(state, counts, room, until, sampling.temperature, seeds)
            )
            return [[next(written) for _ in range(count)] for count in counts]

        own = held = 0
        if self._forward.static is not None:
            own, held = columns_for(max(map(len, ids), default=0)), self._forward.static.bytes
        most = max(copies, default=1)
        sizes = sizes_for_decoding(self.model, most, max_new_tokens, own, held)
        written = self._each(ids, write, sizes)
        return [generation for generations in written for generation in generations]

    def _each(
        self, ids: list[list[int]], work: Callable[[State], list[ResultT]], sizes: Sizes
    ) -> list[ResultT]:
        """Run the prompts in batches and apply ``work`` to each batch's state.

        Batches are halved if memory does not suffice; finished prompts are kept.
        """
        results: dict[int, ResultT] = {}
        while len(results) < len(ids):
            missing = [row for row in range(len(ids)) if row not in results]
            limited = self._limited(sizes)
            try:
                with torch.inference_mode(), self._forward.running():
                    for state in self._forward.run([ids[row] for row in missing], limited):
                        state.rows = rows = [missing[row] for row in state.rows]
                        results |= dict(zip(rows, work(state), strict=True))
                        del state
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if limited.tokens <= SMALLEST_PASS and limited.rows == 1:
                    raise ApprehendError(
                        f"{self.name}: out of memory on a single prompt; use a smaller dtype or "
                        "device"
                    ) from None
                self._halved += 1
                if self._forward.static is not None:
                    self._forward.static.forget()
                if self.model.device.type == "cuda":
                    torch.cuda.empty_cache()
        return [results[row] for row in range(len(ids))]

    def _limited(self, sizes: Sizes) -> Sizes:
        """Apply ``--batch_size``, and halve the sizes for each time that memory has run out."""
        if self._rows is not None:
            sizes = Sizes(sizes.tokens, 2**31, self._rows)
        tokens = max(SMALLEST_PASS, sizes.tokens >> self._halved)
        together = max(tokens, sizes.together >> self._halved)
        return Sizes(tokens, together, max(1, sizes.rows >> self._halved))


def _whole_number(batch_size: str | int) -> int:
    try:
        number = int(batch_size)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"--batch_size: expected auto or a whole number, got {batch_size!r}")
    return number


def _load(arguments: dict[str, object], device: str | None) -> HFLM:
    from lm_eval.models.huggingface import HFLM

    if "gguf_file" not in arguments:
        arguments.setdefault("use_safetensors", True)  # other formats are pickles
    arguments.setdefault("device", device or ("cuda" if torch.cuda.is_available() else "cpu"))
    try:
        return HFLM(**arguments)
    except TypeError as error:
        raise UsageError(f"--model_args: {error}") from error
    except Exception as error:
        problem = f"cannot load model {arguments['pretrained']}: {first_line(error)}"
        raise ApprehendError(problem) from error


def _fingerprint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash a sample of every weight, and the vocabulary: cheap, and sensitive to any change."""
    digest = hashlib.sha256()
    weights: dict[str, torch.Tensor] = model.state_dict()
    for name, weight in sorted(weights.items()):
        flat = weight.detach().reshape(-1)
        step = max(1, len(flat) // 64)
        digest.update(f"{name}{tuple(weight.shape)}".encode())
        digest.update(flat[::step].float().cpu().numpy().tobytes())
    for token, index in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        digest.update(f"{index}:{token}\n".encode())
    return digest.hexdigest()[:32]
