"""Parse the replies of OpenAI-compatible endpoints, in the text protocol and the chat protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...endpoints.reply_json import Repeated, the_choice, the_list, the_object, the_text
from ...endpoints.request_errors import TryAgain
from ..shared.endings import Ending
from ..shared.engine import Generation
from .alignment import place, with_marks
from .tokens import Token, label_logprobs, read_tokens

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""What servers call the reasoning of a message: DeepSeek's name, and OpenAI's for gpt-oss."""


@dataclass(frozen=True)
class Reply:
    """A parsed completion."""

    text: str
    tokens: tuple[Token, ...]
    finished: bool
    prompt_tokens: int
    reasoning: str | None = None
    """The reasoning that the server returns apart from the text; "" where it only says that the
    model has reasoned."""

    def start(self, ending: Ending, thinks: bool = False) -> int | None:
        """Return where the answer begins in the text; None for a reply within its reasoning.

        Args:
            ending: What the prompt and the user say of thoughts.
            thinks: Whether the model is known to think, so that a cut text without reasoning is
                one that the server could not tell from an answer.
        """
        if self.reasoning is not None and not self.text.strip():
            return None
        start = ending.start(self.text, self.finished)
        if thinks and start == 0 and self.reasoning is None and not self.finished:
            return None
        return start


def read_text(reply: object, think_end: str = "") -> Reply:
    """Parse a reply of the text protocol. Raises TryAgain if it is malformed.

    ``think_end`` is the mark that ends a thought, where the user names one.
    """
    choice, prompt_tokens = the_choice(reply)
    text = the_text(choice.get("text"), "the reply's text")
    tokens: tuple[Token, ...] = ()
    if (given := choice.get("logprobs")) is not None:
        logprobs = the_object(given, "logprobs")
        names, values, tops = (
            the_list(logprobs.get(name), f"logprobs.{name}")
            for name in ("tokens", "token_logprobs", "top_logprobs")
        )
        if not len(names) == len(values) == len(tops):
            raise TryAgain(
                "the reply's log-probabilities are three lists of different lengths "
                f"({len(names)} tokens, {len(values)} token_logprobs, {len(tops)} top_logprobs)"
            )
        tokens = read_tokens(names, values, [_pairs(top) for top in tops])
    text = with_marks(text, tokens, think_end)
    return Reply(text, tokens, _finished(choice.get("finish_reason")), prompt_tokens)


def _pairs(top: object) -> Sequence[tuple[str, object]]:
    """Return the members of a ``top_logprobs`` object, repeated keys included; null is empty."""
    if isinstance(top, Repeated):
        return top.pairs
    return list(the_object({} if top is None else top, "a place of top_logprobs").items())


def _finished(reason: object) -> bool:
    return reason is not None and the_text(reason, "finish_reason") == "stop"


def read_chat(reply: object, think_end: str = "") -> Reply:
    """Parse a reply of the chat protocol, as `read_text`. Raises TryAgain if it is malformed."""
    choice, prompt_tokens = the_choice(reply)
    message = the_object(choice.get("message"), "the reply's message")
    finish = choice.get("finish_reason")
    reasoning = _reasoning(message, reply)
    content = message.get("content")
    empty_field = any(message.get(name) == "" for name in REASONING_FIELDS)
    if content is None and (reasoning is not None or empty_field or finish == "length"):
        content, reasoning = "", reasoning or ""
    elif content == "" and empty_field and finish == "length":
        reasoning = reasoning or ""
    text = the_text(content, "the reply's text")
    given = choice.get("logprobs")
    content = None if given is None else the_object(given, "logprobs").get("content")
    places = [_chat_token(place) for place in _listed(content, "content")]
    tokens = read_tokens(
        [text for text, _, _ in places],
        [logprob for _, logprob, _ in places],
        [top for _, _, top in places],
    )
    if reasoning is None:
        text = with_marks(text, tokens, think_end)
    return Reply(text, tokens, _finished(finish), prompt_tokens, reasoning)


def _reasoning(message: Mapping[str, object], reply: object) -> str | None:
    """Return a message's reasoning; "" if only the usage tells of some, None without any."""
    for name in REASONING_FIELDS:
        if message.get(name):
            return the_text(message[name], f"the reply's {name}")
    usage = reply.get("usage") if isinstance(reply, dict) else None
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    count = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return "" if isinstance(count, int) and count > 0 else None


def _chat_token(given: object) -> tuple[object, object, Sequence[tuple[object, object]]]:
    """Return a token's text, its log-probability, and the pairs of those listed beside it."""
    item = the_object(given, "a token of logprobs.content")
    others = [
        the_object(other, "an entry of top_logprobs")
        for other in _listed(item.get("top_logprobs"), "top_logprobs")
    ]
    pairs = [(other.get("token"), other.get("logprob")) for other in others]
    return item.get("token"), item.get("logprob"), pairs


def _listed(value: object, what: str) -> Sequence[object]:
    return [] if value is None else the_list(value, what)


def generation(
    reply: Reply, ending: Ending, thinks: bool = False, shown: bool = True
) -> Generation:
    """Return a reply as a Generation, cut before the first stop text of its answer.

    Tokens are located in the text by their spelling. If an endpoint spells them otherwise than
    in its text (special marks, bytes), positions after that point are unknown (-1) rather than
    wrong.

    Args:
        reply: The reply.
        ending: What ends its text, and its thought.
        thinks: Whether the model is known to think.
        shown: Whether log-probabilities were asked for.
    """
    start = reply.start(ending, thinks)
    cut = None if start is None else ending.cut(reply.text, reply.finished)
    text = reply.text[:cut]
    if cut is not None:
        start = ending.start(text, True)
    placed = place(reply.tokens, reply.text, reply.reasoning, shown)
    begin = placed.begin
    spelled = "".join(token.text for token in placed.tokens)
    last = begin + len(text)
    aligned = cut is not None or spelled[max(begin, 0) :].startswith(text[max(-begin, 0) :])
    kept: list[Token] = []
    ends: list[int] = []
    for token in placed.tokens:
        if aligned and ends and ends[-1] >= last:
            break
        kept.append(token)
        ends.append((ends[-1] if ends else 0) + len(token.text))

    def token_at(offset: int) -> int:
        index = next((i for i, end in enumerate(ends) if end > begin + offset), -1)
        if index < 0:
            return -1
        end = min(ends[index] - begin, len(reply.text))
        same = spelled[max(begin, 0) : begin + end] == reply.text[max(-begin, 0) : end]
        return index if same else -1

    def token_ends() -> list[int]:
        same = spelled[max(begin, 0) : last] == text[max(-begin, 0) :]
        return [min(max(end - begin, 0), len(text)) for end in ends] if same else []

    def labels_at(position: int, labels: Sequence[str]) -> list[float] | None:
        if not 0 <= position < len(kept) or not kept[position].top:
            return None
        return label_logprobs(kept[position], labels)[0]

    return Generation(
        text=text,
        token_logprobs=[token.logprob for token in kept],
        token_entropies=[math.nan] * len(kept),
        token_uniform_kl=[math.nan] * len(kept),
        token_top_logprobs=[[value for _, value in token.top] for token in kept],
        prompt_tokens=reply.prompt_tokens,
        finished=reply.finished or cut is not None,
        answer_start=start,
        reasoning=reply.reasoning,
        tokens_missing=placed.missing,
        token_at=token_at,
        token_ends=token_ends,
        label_logprobs=labels_at,
    )
