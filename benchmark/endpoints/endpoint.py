"""Requests to an HTTP endpoint with limited concurrency, retries and a budget.

Sent with ``requests``, retried by ``tenacity``: lm-eval's own API models support neither
``Retry-After`` nor jitter, and give up a whole batch for one unreadable reply.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urljoin

import tenacity

from ..console.masking import mask_text
from . import transport
from .budget import Budget
from .reply_json import excerpt, parse, shown, the_usage
from .request_errors import EndpointGone, RequestFailed, TryAgain
from .transport import retry_after

TRIES, TIMEOUT = 6, 300.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
LONGEST_RETRY_AFTER = 900.0
"""Seconds: an endpoint that asks for a longer pause counts as failed."""
PATIENCE, PATIENCE_AT_FIRST = 8, 5
"""Consecutive failed requests after which an endpoint counts as gone; before any success, fewer."""
_RETRIED = frozenset({408, 409, 425, 429})
_WRONG_USE = frozenset({401, 403, 404, 405})
_CHARACTERS_PER_TOKEN = 2
"""For an upper bound on a prompt's cost: fewer characters than any tokenizer puts in a token."""

ResultT = TypeVar("ResultT")


@dataclass
class Endpoint:
    """One URL that receives and returns JSON. Thread-safe."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    budget: Budget
    tries: int = TRIES
    timeout: float = TIMEOUT
    verify: bool | str = True
    input_price: float = 0.0
    """Per million tokens of prompts, in the unit of ``--max_cost``; ``output_price`` likewise."""
    output_price: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _free_at: float = 0.0
    _failures: int = 0
    _succeeded: bool = False
    _gone: EndpointGone | None = None
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def post(self, payload: Mapping[str, object], read: Callable[[object], ResultT]) -> ResultT:
        """Send a payload and parse the reply.

        Args:
            payload: body of the request.
            read: parses the JSON of the reply; a RequestFailed from it counts as a failed attempt.

        Returns:
            The value that ``read`` returns.

        Raises:
            RequestFailed: all attempts failed, or the endpoint rejects this payload.
            EndpointGone: the endpoint rejects every request.
            BudgetSpent: the budget allows no further request.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.tries),
            wait=self._wait,
            retry=tenacity.retry_if_exception_type(TryAgain),
            sleep=self._sleep,
            reraise=True,
        )
        if self._gone is not None:
            raise self._gone
        try:
            result: ResultT = retrying(self._once, payload, read)
        except TryAgain as error:
            self._count_failure(error)
            raise
        with self._lock:
            self._failures, self._succeeded = 0, True
        return result

    def stop(self) -> None:
        """Stop issuing requests."""
        self._stop.set()

    def _count_failure(self, error: TryAgain) -> None:
        with self._lock:
            self._failures += 1
            patience = PATIENCE if self._succeeded else PATIENCE_AT_FIRST
            if self._failures >= patience:
                self._gone = EndpointGone(
                    f"{mask_text(self.url)}: {self._failures} requests in a row failed, last: "
                    f"{error}"
                )
                raise self._gone from error

    def _once(self, payload: Mapping[str, object], read: Callable[[object], ResultT]) -> ResultT:
        self._sleep(max(0.0, self._free_at - time.monotonic()))
        text = json.dumps(payload, ensure_ascii=False)
        most = payload.get("max_tokens") or payload.get("max_completion_tokens") or 1
        bound = self._cost(len(text) // _CHARACTERS_PER_TOKEN + 1, int(str(most)))
        self.budget.take(bound)
        used = (0, 0)
        try:
            body, reply = self._send(text)
            used = _usage(reply, len(text), len(body))
            return _read(read, reply)
        finally:
            self.budget.settle(bound, *used, self._cost(*used))

    def _cost(self, prompt: int, completion: int) -> float:
        return (prompt * self.input_price + completion * self.output_price) / 1e6

    def _send(self, text: str) -> tuple[bytes, object]:
        """Send a request and return the body of the reply and the JSON in it."""
        headers = {"Content-Type": "application/json", **self.headers}
        content = text.encode("utf-8", "replace")
        reply = transport.post(self.url, content, headers, self.timeout, self.verify)
        self._check_status(reply)
        return reply.body, parse(reply.body, reply.headers.get("content-type", "no type"))

    def _check_status(self, reply: transport.HTTPReply) -> None:
        status = reply.status
        if 200 <= status < 300:
            return
        reason = f"HTTP {status}: {excerpt(reply.body)}"
        if 300 <= status < 400:
            self._refuse_redirect(reply)
        if status in _WRONG_USE:
            self._gone = EndpointGone(f"{mask_text(self.url)}: {RequestFailed(reason)}")
            raise self._gone
        if status in _RETRIED or status >= 500:
            pause = retry_after(reply.headers.get("retry-after"))
            if pause is not None and pause > LONGEST_RETRY_AFTER:
                raise RequestFailed(f"{reason} (asks for a pause of {pause:.0f} s)")
            if pause is not None:
                with self._lock:  # the others wait too
                    self._free_at = max(self._free_at, time.monotonic() + pause)
            raise TryAgain(reason, pause)
        raise RequestFailed(reason)

    def _refuse_redirect(self, reply: transport.HTTPReply) -> None:
        """Raise the error for a redirect.

        Following it would send questions and key to an address that the user did not name, or, as
        a GET request, return a text that answers no question.
        """
        target = reply.headers.get("location")
        where = f"to {_joined(self.url, target)}" if target else "to no address"
        problem = RequestFailed(
            f"{self.url}: HTTP {reply.status}, a redirect {where}, which is not followed; if that "
            "is where questions should go, give it as base_url"
        )
        if self._succeeded:
            raise problem
        self._gone = EndpointGone(str(problem))
        raise self._gone

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds before the next attempt.

        Exponential backoff, with jitter between half of the pause and all of it, and no less than
        the endpoint asked for.
        """
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0**state.attempt_number)
        error = state.outcome.exception() if state.outcome else None
        asked = (error.retry_after or 0.0) if isinstance(error, TryAgain) else 0.0
        return max(asked, self._random.uniform(longest / 2, longest))

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise RequestFailed("stopped")


def _usage(reply: object, asked: int, said: int) -> tuple[int, int]:
    """Return (prompt, completion) tokens as the endpoint counts them, else bounds by length."""
    try:
        prompt, completion = the_usage(reply)
    except TryAgain:  # the reader reports it; the budget needs a number
        prompt = completion = None
    return (
        asked // _CHARACTERS_PER_TOKEN if prompt is None else prompt,
        said // _CHARACTERS_PER_TOKEN if completion is None else completion,
    )


def _read(read: Callable[[object], ResultT], reply: object) -> ResultT:
    """Apply ``read`` to a reply.

    Any error that a malformed reply causes in the reader costs one question, never the run.
    """
    try:
        return read(reply)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise TryAgain(
            f"the reply cannot be read ({type(error).__name__}: {error}): {shown(reply)}"
        ) from error


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        return target
