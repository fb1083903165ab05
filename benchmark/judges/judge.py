"""The judges: one of our engines, any lm-eval model, or an endpoint over HTTP."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from ...tasks.reading.reasoning import answer_start
from ..console.errors import ApprehendError, UsageError, first_line
from ..console.masking import mask_arguments, mask_text
from ..endpoints.budget import Budget
from ..endpoints.lm_eval_models import model_class
from ..endpoints.reply_json import shown, the_choice, the_object, the_text
from ..endpoints.request_errors import RequestFailed, TryAgain
from ..engines.shared.engine import Answer, ChoicePrompt, Engine, Failed, Generation, Identity
from ..engines.shared.known import TRANSPORT, known_identity
from .judge_options import JudgeOptions

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.models.api_models import TemplateAPI

ReplyT = TypeVar("ReplyT", Answer, Generation)
OWN = ("hf", "vllm")
"""Kinds of judges that run on a local engine."""


class Judge(Protocol):
    """A model that replies to single user messages."""

    name: str
    workers: int
    """Number of concurrent requests, of one question each; 0 for a judge of batches."""

    @property
    def identity(self) -> Identity:
        """Return what determines its replies."""

    def ask(self, messages: Sequence[str], max_new_tokens: int) -> list[str]:
        """Return one reply per message, in order. Raises RequestFailed if one request fails."""

    def label_probs(
        self, messages: Sequence[str], begun: Sequence[str], labels: Sequence[str]
    ) -> list[list[float]] | None:
        """Return the probability (n, L) of each label after the beginning of each reply.

        None if the judge shows no probabilities.
        """

    def stop(self) -> None:
        """Stop issuing requests."""


class EngineJudge:
    """A judge on one of our engines, through its chat template if it has one."""

    workers = 0

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name

    @property
    def identity(self) -> Identity:
        return dict(self._engine.identity)

    def ask(self, messages: Sequence[str], max_new_tokens: int) -> list[str]:
        prompts = [self._prompt(message) for message in messages]
        return [_granted(g).answer_text for g in self._engine.generate(prompts, max_new_tokens)]

    def _prompt(self, message: str) -> str:
        if not self._engine.has_chat_template:
            return message + "\n\n"
        return str(self._engine.chat([{"role": "user", "content": message}]))

    def label_probs(
        self, messages: Sequence[str], begun: Sequence[str], labels: Sequence[str]
    ) -> list[list[float]] | None:
        ends = tuple(f"{label}]]" for label in labels)
        prompts = [
            ChoicePrompt(self._prompt(message) + start, ends, len(ends))
            for message, start in zip(messages, begun, strict=True)
        ]
        answers = self._engine.score(prompts)
        return [
            [math.exp(value) for value in _granted(answer).label_logprobs] for answer in answers
        ]

    def stop(self) -> None:
        """Do nothing: a batch is not interrupted."""


class LMEvalJudge:
    """A judge on any other lm-eval model in this process."""

    workers = 0

    def __init__(self, lm: LM, kind: str, arguments: Mapping[str, object], name: str) -> None:
        self._lm = lm
        self._kind = kind
        self._arguments = dict(arguments)
        self.name = name

    @property
    def identity(self) -> Identity:
        return _identity(self._kind, self._arguments)

    def ask(self, messages: Sequence[str], max_new_tokens: int) -> list[str]:
        from lm_eval.api.instance import Instance

        options = {"until": [], "max_gen_toks": max_new_tokens, "do_sample": False}
        requests = [
            Instance("generate_until", {}, (m + "\n\n", dict(options)), i, ("judge", i, 1))
            for i, m in enumerate(messages)
        ]
        try:
            replies = self._lm.generate_until(requests, disable_tqdm=True)
        except Exception as error:
            raise ApprehendError(
                f"judge {self.name}: {mask_text(first_line(error))}; what it judged so far is "
                "stored, run again to resume"
            ) from error
        return ["" if reply is None else str(reply) for reply in replies]

    def label_probs(
        self, messages: Sequence[str], begun: Sequence[str], labels: Sequence[str]
    ) -> list[list[float]] | None:
        return None

    def stop(self) -> None:
        """Do nothing: a batch is not interrupted."""


class HTTPJudge:
    """A judge behind an endpoint.

    lm-eval's model class builds the payload and the headers; ``Endpoint`` sends the requests.
    """

    def __init__(
        self, lm: TemplateAPI, kind: str, arguments: Mapping[str, object], name: str, budget: Budget
    ) -> None:
        from ..endpoints.endpoint_arguments import open_endpoint, read_arguments

        self._lm = lm
        self._kind = kind
        self._arguments = dict(arguments)
        self._chat = "chat" in kind
        self.name = name
        self.workers = read_arguments(arguments, budget.max_cost, "--judge_args").workers
        self._endpoint = open_endpoint(lm, arguments, budget, "--judge_args")

    @property
    def identity(self) -> Identity:
        return _identity(self._kind, self._arguments)

    def ask(self, messages: Sequence[str], max_new_tokens: int) -> list[str]:
        return [self._endpoint.post(self._payload(m, max_new_tokens), self._text) for m in messages]

    def _payload(self, message: str, max_new_tokens: int) -> dict[str, object]:
        prompt: object = [{"role": "user", "content": message}] if self._chat else message + "\n\n"
        options = {"until": [], "max_gen_toks": max_new_tokens, "do_sample": False}
        payload = dict(
            self._lm._create_payload(prompt, generate=True, gen_kwargs=options, seed=1234, eos=None)
        )
        payload.pop("stop", None)  # lm-eval adds stop sequences that some servers reject
        return payload

    def _text(self, reply: object) -> str:
        choice, _ = the_choice(reply)
        source: Mapping[str, object] = choice
        name = "text"
        if choice.get("message") is not None:
            source, name = the_object(choice["message"], "the reply's message"), "content"
        if name not in source:
            raise TryAgain(f"the reply has no text: {shown(reply)}")
        text = "" if source[name] is None else the_text(source[name], "the reply's text")
        text = text[start:] if (start := answer_start(text)) is not None else ""
        if not text:
            reason = shown(choice.get("finish_reason"))
            raise RequestFailed(f"an empty reply (finish_reason {reason})")
        return text

    def label_probs(
        self, messages: Sequence[str], begun: Sequence[str], labels: Sequence[str]
    ) -> list[list[float]] | None:
        return None

    def stop(self) -> None:
        self._endpoint.stop()


def _identity(kind: str, arguments: Mapping[str, object]) -> Identity:
    kept = {name: value for name, value in arguments.items() if name not in TRANSPORT}
    return {"engine": kind, **mask_arguments(kept)}


def known_judge(judge: JudgeOptions) -> Identity:
    """Return what determines a judge's replies, as far as it is known before it is loaded."""
    if judge.kind in OWN:
        return known_identity(judge.kind, judge.args)
    return _identity(judge.kind, judge.args)


def _granted(reply: ReplyT | Failed) -> ReplyT:
    """Return an engine's reply. Raises RequestFailed if it failed."""
    if isinstance(reply, Failed):
        raise RequestFailed(reply.reason)
    return reply


def load_judge(
    judge: JudgeOptions,
    batch_size: str = "auto",
    device: str | None = None,
    engine: Engine | None = None,
    budget: Budget | None = None,
) -> Judge:
    """Load the judge of ``--judge`` and ``--judge_args``, on ``engine`` if it is given.

    Raises UsageError for an unknown kind or unsuitable arguments, ApprehendError if the model
    cannot be loaded.
    """
    kind, arguments, shown = judge.kind, dict(judge.args), judge.name
    if kind in OWN:
        from ..engines.loading import load_engine

        where = device if kind == "hf" else None  # vllm takes its devices from the environment
        return EngineJudge(
            engine or load_engine(kind, arguments, batch_size, where, budget or Budget()), shown
        )
    from lm_eval.models.api_models import TemplateAPI

    cls = model_class(kind, "--judge")
    over_http = issubclass(cls, TemplateAPI)
    _check_sender(kind, cls)
    taken = {k: v for k, v in arguments.items() if k not in ("input_price", "output_price")}
    try:
        lm = cls.create_from_arg_obj(taken if over_http else arguments, {})
        if isinstance(lm, TemplateAPI):
            return HTTPJudge(lm, kind, arguments, shown, budget or Budget())
    except (UsageError, ApprehendError):
        raise
    except TypeError as error:
        raise UsageError(f"--judge_args: {mask_text(first_line(error))}") from error
    except Exception as error:
        raise ApprehendError(
            f"cannot load judge {shown}: {mask_text(first_line(error))}"
        ) from error
    return LMEvalJudge(lm, kind, arguments, shown)


def _check_sender(kind: str, cls: type[LM]) -> None:
    """Raise UsageError for an lm-eval model that sends its own requests.

    Such models follow redirects, have no deadline, and accept any reply.
    """
    import requests
    from lm_eval.models.api_models import TemplateAPI

    used = vars(sys.modules[cls.__module__]).values()
    if not issubclass(cls, TemplateAPI) and any(thing is requests for thing in used):
        raise UsageError(
            f"--judge {kind}: lm-eval sends its requests itself, without a deadline and following "
            "redirects; name the server with --judge local-completions or local-chat-completions"
        )


def _check_model(judge: JudgeOptions, max_cost: float | None) -> None:
    from lm_eval.models.api_models import TemplateAPI

    from ..endpoints.endpoint_arguments import check_address_given, read_arguments

    cls = model_class(judge.kind, "--judge")
    _check_sender(judge.kind, cls)
    if issubclass(cls, TemplateAPI):
        read_arguments(judge.args, max_cost, "--judge_args")
        check_address_given(cls, judge.args, "--judge_args")


def check_judges(judges: Sequence[JudgeOptions], max_cost: float | None) -> None:
    """Check the judges before anything is run.

    Raises UsageError for an unknown kind, one that sends its own requests, unsuitable arguments
    of an endpoint, or a duplicate name.
    """
    for place, judge in enumerate(judges):
        if judge.kind not in OWN:
            _check_model(judge, max_cost)
        if judge.name in {other.name for other in judges[:place]}:
            raise UsageError(
                f"--judge: two judges are called {judge.name}; give each a --judge_name"
            )
