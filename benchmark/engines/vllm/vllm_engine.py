"""The ``vllm`` engine: offline inference with vLLM, loaded by lm-eval.

A question is one prompt in vLLM's prefix cache, requested twice for one token: for the most
likely tokens, and for the labels' tokens by id (``logprob_token_ids``), which gives their exact
log-probabilities whatever their rank. A label of several tokens takes one more request per
prefix. ``max_logprobs=-1`` among the model's arguments requests the whole vocabulary at the
answer instead: entropies are then known, at the cost of transferring that many numbers.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...console.errors import UsageError
from ..shared.abilities import withheld_by
from ..shared.endings import Ending, endings
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
from ..shared.labels import LabelReader
from ..shared.loaded_model import LoadedModel, model_path
from ..shared.paths import LabelPaths, logsumexp
from ..shared.places import token_at, token_ends, tokens_before
from ..shared.sampling import Draws
from ..shared.spelling import Spelling
from ..shared.thinking_arguments import think_end_text, thinking_arguments
from .vllm_loading import checked_arguments, load_model
from .vllm_requests import (
    IDS_AT_ONCE,
    TOP_K,
    Completion,
    Place,
    Requests,
    drawing,
    largest,
)

if TYPE_CHECKING:
    from lm_eval.models.vllm_causallms import VLLM

TRACE_TOP_K = 10
SHUTDOWN_SECONDS = 30.0
_PARTIAL = "vllm shows its most likely tokens only"
_STATES = "vllm shows no hidden states"
_ALWAYS = {
    "trace": dict.fromkeys(("token_entropies", "token_uniform_kl"), _PARTIAL),
    "hidden_state": {"state": _STATES},
    **{name: {"option_logprobs": _STATES} for name in ("layer_answers", "perturbed_state")},
    "option_states": {"covariance": _STATES},
}
_LOGITS = {"log_normalizer": "vllm shows log-probabilities, not logits"}
LACKS = _ALWAYS | {
    "answer": _LOGITS
    | dict.fromkeys(
        ("entropy", "post_answer_entropy"),
        f"{_PARTIAL} (all of them with --model_args …,max_logprobs=-1, slower)",
    )
}
LACKS_OF_WHOLE = _ALWAYS | {"answer": _LOGITS}  # the whole vocabulary is shown at the answer


class VLLMEngine(LoadedModel):
    """Scores options and generates text with one vLLM model."""

    _lm: VLLM

    def __init__(self, model_args: dict[str, object], device: str | None = None) -> None:
        """Load the model.

        ``model_args`` are those of lm-eval's ``vllm`` model, which passes unknown ones on to
        vLLM (``tensor_parallel_size``, ``distributed_executor_backend`` …). Raises UsageError if
        vLLM is not installed, for a missing local path or an unsuitable argument, ApprehendError
        if loading fails.
        """
        if "pretrained" not in model_args:
            raise UsageError("--model_args: expected pretrained=NAME_OR_PATH for a vllm model")
        if device is not None:
            raise UsageError("--device: vllm takes its devices from CUDA_VISIBLE_DEVICES")
        self.name = model_path(str(model_args["pretrained"]))
        self._arguments = checked_arguments(model_args) | {"pretrained": self.name}
        self._whole = self._arguments["max_logprobs"] == -1
        self._lm, parameters = load_model(thinking_arguments(self._arguments))
        self._requests = Requests(self.name, self._lm, parameters, self._whole)
        core = getattr(getattr(self._lm, "model", None), "llm_engine", None)
        if core is not None:  # with data parallelism lm-eval holds no engine
            weakref.finalize(self, core.engine_core.shutdown, SHUTDOWN_SECONDS)
        self.tokenizer = self._lm.tokenizer
        self.think_end = think_end_text(self._arguments.get("think_end_token"), self.tokenizer)
        self._decode = Spelling(self.tokenizer, self.think_end)
        self._labels = LabelReader(self.encode, self.tokenizer.get_vocab())

    @property
    def identity(self) -> Identity:
        """Return the model, its revision and what else determines the results."""
        import vllm

        return {
            "engine": "vllm",
            "pretrained": self.name,
            "revision": self._arguments.get("revision"),
            "dtype": str(self._arguments.get("dtype", "auto")),
            "quantization": self._arguments.get("quantization"),
            "logprobs_mode": str(self._arguments["logprobs_mode"]),
            "vllm": vllm.__version__,
            "lacks": LACKS_OF_WHOLE if self._whole else LACKS,
        }

    @property
    def device_name(self) -> str:
        """Return how many devices hold the model."""
        sizes = (self._arguments.get(f"{k}_parallel_size", 1) for k in ("tensor", "data"))
        return " x ".join(f"{size}" for size in sizes) + " devices of vllm"

    @property
    def withheld(self) -> Mapping[Ability, str]:
        """Return what vLLM does not show."""
        return withheld_by("vllm")

    @property
    def has_chat_template(self) -> bool:
        """Return whether the tokenizer has a chat template."""
        return bool(self._lm.hf_chat_template or getattr(self.tokenizer, "chat_template", None))

    def speeds(self) -> None:
        """Return None: vLLM is not timed in advance."""

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        show: Collection[Part] = (),
    ) -> list[Answer]:
        """Return one Answer per prompt, in order. Raises UsageError if ``show`` names a part."""
        if show:
            raise UsageError(_STATES)
        encoded = [self.encode_choice(prompt, self._labels) for prompt in prompts]
        rows = [LabelPaths(labels) for _, labels in encoded]
        longest = max((len(path) for row in rows for path in row.paths), default=0)
        ids = self.fit([tokens for tokens, _ in encoded], max(8, longest))
        tops, entropies = [], []
        for row, place in zip(rows, self._requests.next_tokens(ids), strict=True):
            tops.append(largest(place.logprobs, TOP_K))
            entropies.append(self._entropy(place))
            if self._whole:
                row.fill(row.steps(()), place.logprobs, place.greedy)
        self._read_labels(rows, ids)
        after = [math.nan] * len(rows)
        if self._whole:
            longer = [[*tokens, *row.chosen()] for tokens, row in zip(ids, rows, strict=True)]
            after = [self._entropy(place) for place in self._requests.next_tokens(longer)]
        drawn = self._draw(ids, rows, sampling)
        return [
            Answer(
                label_logprobs=row.merged(),
                scored_logprobs=row.scored(),
                is_greedy=row.is_greedy(),
                entropy=entropies[i],
                post_answer_entropy=after[i],
                top_logprobs=tops[i],
                missing_mass=max(0.0, 1.0 - math.fsum(map(math.exp, tops[i]))),
                greedy_label=row.greedy_label(),
                prompt_tokens=len(ids[i]),
                samples=drawn[i],
                continuation_tokens=[len(label.requested) for label in row.labels],
            )
            for i, row in enumerate(rows)
        ]

    def _read_labels(self, rows: Sequence[LabelPaths], ids: Sequence[list[int]]) -> None:
        """Request the tokens that extend each prefix of a label, short prefixes first."""
        requests = [
            (len(stem), index, steps[start : start + IDS_AT_ONCE])
            for index, row in enumerate(rows)
            for stem in row.stems()
            if stem or not self._whole
            for steps in [row.steps(stem)]
            for start in range(0, len(steps), IDS_AT_ONCE)
        ]
        requests.sort(key=lambda request: request[0])
        places = self._requests.next_tokens(
            [[*ids[index], *steps[0][:-1]] for _, index, steps in requests],
            [[step[-1] for step in steps] for _, _, steps in requests],
        )
        for (_, index, steps), place in zip(requests, places, strict=True):
            rows[index].fill(steps, place.logprobs, place.greedy)

    def _entropy(self, place: Place) -> float:
        """Compute the entropy over the vocabulary, in nats; NaN if it is not shown."""
        if not self._whole:
            return math.nan
        values = np.fromiter(place.logprobs.values(), float)
        return max(0.0, -float(np.sum(np.exp(values) * np.maximum(values, -1e9))))

    def _draw(
        self, ids: list[list[int]], rows: Sequence[LabelPaths], sampling: Sampling | None
    ) -> list[list[int]]:
        if sampling is None:
            return [[] for _ in ids]
        parameters = [
            self._requests.parameters(max_tokens=1, detokenize=False, **drawing(sampling, i))
            for i in range(len(sampling.seeds))
        ]
        return [
            [
                row.named(int(output.token_ids[0]), Draws(seed).uniform())
                for output, seed in zip(reply.outputs, seeds, strict=True)
            ]
            for row, seeds, reply in zip(
                rows, sampling.seeds, self._requests.run(ids, parameters), strict=True
            )
        ]

    @property
    def streams(self) -> bool:
        """Return False: texts are given when all of a batch are finished."""
        return False

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
        extras: Extras = NOTHING,
    ) -> list[Generation]:
        """Return the generations in the order of the prompts: one greedy each, or one per seed.

        vLLM looks for stop texts in thoughts too, so a model that thinks gets none. ``extras`` are
        left to others: answers are forced by further prompts.
        """
        ends = endings(prompts, until, self.think_end)
        ids = self.fit([self.encode(prompt) for prompt in prompts], 1)
        stops = [] if self.think_end or self.thinking is not None else list(until)
        parameters = [
            self._requests.parameters(
                max_tokens=max(1, min(max_new_tokens, self.context_length - len(row))),
                stop=stops,
                logprobs=TOP_K,
                **({"temperature": 0.0} if sampling is None else {}),
                **({} if sampling is None else drawing(sampling, i)),
            )
            for i, row in enumerate(ids)
        ]
        return [
            self._generation(output, row, end)
            for row, end, reply in zip(ids, ends, self._requests.run(ids, parameters), strict=True)
            for output in reply.outputs
        ]

    def _generation(self, output: Completion, prompt: list[int], ending: Ending) -> Generation:
        token_ids = [int(token) for token in output.token_ids]
        rows = [{t: float(v.logprob) for t, v in row.items()} for row in output.logprobs]
        finished = output.finish_reason == "stop"
        if isinstance(output.stop_reason, str):
            token_ids = token_ids[: tokens_before(self._decode, token_ids, len(output.text))]
        elif finished:
            token_ids = token_ids[:-1]  # the token that ends the sequence
        text = self._decode(token_ids) if self._decode.marks else output.text
        if (cut := ending.cut(text, finished)) is not None:
            text, finished = text[:cut], True
            token_ids = token_ids[: tokens_before(self._decode, token_ids, cut)]
        rows = rows[: len(token_ids)]

        def label_logprobs(position: int, labels: Sequence[str]) -> list[float] | None:
            tokens = [self._labels.single_tokens(label) for label in labels]
            if not 0 <= position < len(token_ids) or not all(tokens):
                return None
            known = rows[position]
            wanted = sorted({token for variants in tokens for token in variants})
            if not known.keys() >= set(wanted):
                place = next(self._requests.next_tokens([prompt + token_ids[:position]], [wanted]))
                known = place.logprobs
            return [logsumexp([known[token] for token in variants]) for variants in tokens]

        return Generation(
            text=text,
            token_logprobs=[row[token] for row, token in zip(rows, token_ids, strict=True)],
            token_entropies=[math.nan] * len(rows),
            token_uniform_kl=[math.nan] * len(rows),
            token_top_logprobs=[largest(row, TRACE_TOP_K) for row in rows],
            prompt_tokens=len(prompt),
            finished=finished,
            answer_start=ending.start(text, finished),
            token_at=lambda offset: token_at(self._decode, token_ids, offset),
            token_ends=lambda: token_ends(self._decode, token_ids, text),
            label_logprobs=label_logprobs,
        )
