"""The ``vllm`` engine: offline inference with vLLM, through lm-eval's loader.

Each question is one prompt. Its labels are asked for by token id (``logprob_token_ids``) where the
installed vLLM has that parameter, and the most likely tokens in a second request whose prompt comes
out of the prefix cache. Written against vLLM's documented interface; not run by this project's
tests, which have no vLLM.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ApprehendError, UsageError
from .base import Answer, ChoicePrompt, Generation, Sampling
from .labels import LabelReader, LabelTokens
from .prompting import LoadedModel

TOP_K, TRACE_TOP_K = 20, 10
LACKS = {
    "answer": {
        "entropy": "vllm shows its most likely tokens only",
        "post_answer_entropy": "vllm shows its most likely tokens only",
    },
    "trace": {
        "token_entropies": "vllm shows its most likely tokens only",
        "token_uniform_kl": "vllm shows its most likely tokens only",
    },
    "hidden_state": {"state": "vllm shows no hidden states"},
}


class VLLMEngine(LoadedModel):
    """Scores options and generates text with one vLLM model."""

    def __init__(self, model_args: dict[str, Any], device: str | None = None) -> None:
        """Load the model. ``model_args`` are those of lm-eval's ``vllm`` model, which passes what
        it does not know on to vLLM (``tensor_parallel_size``, ``distributed_executor_backend`` …).

        Raises UsageError where vLLM is not installed or an argument does not fit, ApprehendError
        where loading fails.
        """
        if "pretrained" not in model_args:
            raise UsageError("--model_args: expected pretrained=NAME_OR_PATH for a vllm model")
        if device is not None:
            raise UsageError("--device: vllm takes its devices from CUDA_VISIBLE_DEVICES")
        self._arguments = {"enable_prefix_caching": True, "logprobs_mode": "raw_logprobs"}
        self._arguments |= model_args
        self.name = str(model_args["pretrained"])
        self._lm, self._parameters = _load(self._arguments)
        self.tokenizer = self._lm.tokenizer
        self._labels = LabelReader(self.encode, self.tokenizer.get_vocab())
        self._by_id = "logprob_token_ids" in getattr(self._parameters, "__annotations__", {})

    @property
    def identity(self) -> dict[str, Any]:
        """Model, revision and what decides the numbers."""
        from importlib.metadata import version

        return {
            "engine": "vllm",
            "pretrained": self.name,
            "revision": self._arguments.get("revision"),
            "dtype": str(self._arguments.get("dtype", "auto")),
            "quantization": self._arguments.get("quantization"),
            "logprobs_mode": str(self._arguments["logprobs_mode"]),
            "vllm": version("vllm"),
            "lacks": LACKS,
        }

    @property
    def device_name(self) -> str:
        """How many devices hold the model."""
        sizes = (self._arguments.get(f"{k}_parallel_size", 1) for k in ("tensor", "data"))
        return " x ".join(f"{size}" for size in sizes) + " devices of vllm"

    @property
    def has_chat_template(self) -> bool:
        """Whether the tokenizer has a chat template."""
        return bool(self._lm.hf_chat_template or getattr(self.tokenizer, "chat_template", None))

    def tokens_per_second(self, length: int) -> None:
        """vLLM is not timed beforehand."""

    def written_tokens_per_second(self, length: int) -> None:
        """vLLM is not timed beforehand."""

    def score(
        self,
        prompts: Sequence[ChoicePrompt],
        sampling: Sampling | None = None,
        hidden_state: bool = False,
    ) -> list[Answer]:
        """One Answer per prompt, in order."""
        if hidden_state:
            raise UsageError(LACKS["hidden_state"]["state"])
        contexts = [prompt.context.rstrip(" ") for prompt in prompts]
        whole = [self.encode(context) for context in contexts]
        labels = []
        for prompt, context, row in zip(prompts, contexts, whole, strict=True):
            spaces = prompt.context[len(context) :]
            found = self._labels.read(context, row, tuple(spaces + c for c in prompt.continuations))
            labels.append(single_tokens(found, prompt.continuations))
        ids = self.fit(whole, 8)
        top = self._run(ids, [self._one_token(logprobs=TOP_K)] * len(ids))
        named = top
        if self._by_id:
            wanted = [sorted({t for tokens in row for t in tokens}) for row in labels]
            named = self._run(ids, [self._one_token(logprob_token_ids=w) for w in wanted])
        drawn = self._draw(ids, labels, sampling)
        return [
            read_answer(
                labels[i],
                _first(top[i]),
                _first(named[i]),
                int(top[i].outputs[0].token_ids[0]),
                len(ids[i]),
                drawn[i],
            )
            for i in range(len(prompts))
        ]

    def _draw(
        self,
        ids: list[list[int]],
        labels: list[list[list[int]]],
        sampling: Sampling | None,
    ) -> list[list[int]]:
        if sampling is None:
            return [[] for _ in ids]
        parameters = [
            self._parameters(
                temperature=sampling.temperature,
                max_tokens=1,
                n=len(seeds),
                seed=seeds[0] % 2**31,
                detokenize=False,
            )
            for seeds in sampling.seeds
        ]
        replies = self._run(ids, parameters)
        return [
            [
                next((i for i, tokens in enumerate(row) if o.token_ids[0] in tokens), -1)
                for o in reply.outputs
            ]
            for row, reply in zip(labels, replies, strict=True)
        ]

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        until: Sequence[str] = (),
        sampling: Sampling | None = None,
    ) -> list[Generation]:
        """Generations in order of the prompts: one greedy each, or one per seed."""
        ids = self.fit([self.encode(prompt) for prompt in prompts], 1)
        limit = int(self._lm.max_length)
        parameters = []
        for index, row in enumerate(ids):
            seeds = None if sampling is None else sampling.seeds[index]
            parameters.append(
                self._parameters(
                    temperature=0.0 if sampling is None else sampling.temperature,
                    n=1 if seeds is None else len(seeds),
                    seed=None if seeds is None else seeds[0] % 2**31,
                    max_tokens=max(1, min(max_new_tokens, limit - len(row))),
                    stop=list(until),
                    logprobs=TRACE_TOP_K,
                )
            )
        return [
            self._generation(output, len(row))
            for row, reply in zip(ids, self._run(ids, parameters), strict=True)
            for output in reply.outputs
        ]

    def _generation(self, output: Any, prompt_tokens: int) -> Generation:
        token_ids = list(output.token_ids)
        rows = [{t: float(v.logprob) for t, v in row.items()} for row in output.logprobs or ()]
        ends: list[int] = []
        while len(ends) < len(token_ids) and (not ends or ends[-1] < len(output.text)):
            ends.append(len(self.tokenizer.decode(token_ids[: len(ends) + 1])))
        count = len(ends)

        def token_at(offset: int) -> int:
            return next((i for i, end in enumerate(ends) if end > offset), -1)

        def label_logprobs(position: int, labels: Sequence[str]) -> list[float] | None:
            if not 0 <= position < count:
                return None
            tokens = [self._labels.single_tokens(label) for label in labels]
            return merged_logprobs(tokens, rows[position], _top(rows[position], TRACE_TOP_K))

        return Generation(
            text=output.text,
            token_logprobs=[rows[i][token_ids[i]] for i in range(count)],
            token_entropies=[math.nan] * count,
            token_uniform_kl=[math.nan] * count,
            token_top_logprobs=[_top(row, TRACE_TOP_K) for row in rows[:count]],
            prompt_tokens=prompt_tokens,
            finished=output.finish_reason == "stop",
            token_at=token_at,
            label_logprobs=label_logprobs,
        )

    def _one_token(self, **more: Any) -> Any:
        return self._parameters(temperature=0.0, max_tokens=1, detokenize=False, **more)

    def _run(self, ids: list[list[int]], parameters: list[Any]) -> list[Any]:
        replies = self._lm._model_generate(ids, generate=True, sampling_params=parameters)
        if len(replies) != len(ids):
            raise ApprehendError(
                f"{self.name}: vllm gave {len(replies)} replies to {len(ids)} prompts"
            )
        return list(replies)


def _load(arguments: Mapping[str, Any]) -> tuple[Any, Any]:
    try:
        from vllm import SamplingParams
    except ImportError as error:
        raise UsageError("--model vllm: vLLM is not installed; pip install vllm") from error
    from lm_eval.models.vllm_causallms import VLLM

    try:
        return VLLM(**arguments), SamplingParams
    except TypeError as error:
        raise UsageError(f"--model_args: {error}") from error
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ApprehendError(f"cannot load model {arguments['pretrained']}: {first}") from error


def single_tokens(labels: Sequence[LabelTokens], continuations: Sequence[str]) -> list[list[int]]:
    """Per label the tokens that write it, the requested one first.

    Raises UsageError for a label of several tokens.
    """
    found = []
    for label, continuation in zip(labels, continuations, strict=True):
        if len(label.requested) != 1:
            raise UsageError(
                f"label {continuation.strip()!r} is not one token of this model; use a task with "
                "letters, or the hf engine"
            )
        others = [path[0] for path in label.variants if len(path) == 1 and path != label.requested]
        found.append([label.requested[0], *others])
    return found


def _first(reply: Any) -> dict[int, float]:
    """Token id → log-probability of the first generated token's place."""
    return {int(t): float(v.logprob) for t, v in reply.outputs[0].logprobs[0].items()}


def _top(row: Mapping[int, float], count: int) -> list[float]:
    return sorted(row.values(), reverse=True)[:count]


def merged_logprobs(
    labels: Sequence[Sequence[int]], row: Mapping[int, float], top: Sequence[float]
) -> list[float]:
    """Log-probability per label over its tokens that are shown.

    A label without one gets an equal share of what ``top`` leaves over, at most its least.
    """
    masses = [math.fsum(math.exp(row[t]) for t in tokens if t in row) for tokens in labels]
    shown = [any(t in row for t in tokens) for tokens in labels]
    left = max(0.0, 1.0 - math.fsum(map(math.exp, top)))
    share = left / max(1, shown.count(False))
    least = math.exp(top[-1]) if top else 0.0
    values = [m if s else min(share, least) for m, s in zip(masses, shown, strict=True)]
    return [math.log(value) if value > 0 else -math.inf for value in values]


def read_answer(
    labels: Sequence[Sequence[int]],
    top: Mapping[int, float],
    named: Mapping[int, float],
    greedy: int,
    prompt_tokens: int,
    drawn: list[int],
) -> Answer:
    """An Answer from the most likely tokens and those that were asked for by id."""
    best = _top(top, TOP_K)
    known = {**top, **named}
    merged = merged_logprobs(labels, known, best)
    scored = [known.get(tokens[0], value) for tokens, value in zip(labels, merged, strict=True)]
    return Answer(
        label_logprobs=merged,
        scored_logprobs=scored,
        is_greedy=[tokens[0] == greedy for tokens in labels],
        entropy=math.nan,
        post_answer_entropy=math.nan,
        top_logprobs=best,
        missing_mass=max(0.0, 1.0 - math.fsum(map(math.exp, best))),
        greedy_label=next((i for i, tokens in enumerate(labels) if greedy in tokens), None),
        prompt_tokens=prompt_tokens,
        samples=drawn,
    )
