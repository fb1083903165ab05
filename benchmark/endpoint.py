"""Requests to an HTTP endpoint: few at a time, tried again when it fails, within a budget.

Sent with ``requests``, repeated by ``tenacity``: lm-eval's own API models know neither
``Retry-After`` nor jitter, and give a whole batch up for one reply that cannot be read.
"""

from __future__ import annotations

import datetime
import email.utils
import json
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import requests
import tenacity

from .budget import Budget
from .errors import ApprehendError, UsageError
from .masking import mask_text

TRIES, TIMEOUT = 6, 300.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
LONGEST_RETRY_AFTER = 900.0
"""Seconds: an endpoint that asks for a longer pause counts as failed."""
MOST_BYTES = 32 << 20
PATIENCE, PATIENCE_AT_FIRST = 8, 5
"""Requests in a row that fail for good before the endpoint counts as gone."""
_RETRIED = frozenset({408, 409, 425, 429})
_WRONG_USE = frozenset({401, 403, 404, 405})
_CHARACTERS_PER_TOKEN = 2
"""Of prompts whose cost must be bounded before they are sent: fewer than any tokenizer needs."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class RequestFailed(Exception):
    """A request that got no usable reply; the message is one line without secrets."""

    def __init__(self, reason: str) -> None:
        super().__init__(mask_text(" ".join(reason.split()))[:300])


class TryAgain(RequestFailed):
    """One that may succeed when it is sent again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class EndpointGone(ApprehendError):
    """The endpoint refuses everything, or does not answer any more."""


@dataclass
class Endpoint:
    """One URL that takes JSON and gives JSON. Safe to use from several threads."""

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

    def post(self, payload: Mapping[str, Any], read: Callable[[Any], ResultT]) -> ResultT:
        """What ``read`` makes of the reply; its RequestFailed counts as a failed try.

        Raises RequestFailed when all tries failed or the endpoint rejects this payload,
        EndpointGone when it rejects all, BudgetSpent when no request is left.
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
        """Send nothing more."""
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

    def _once(self, payload: Mapping[str, Any], read: Callable[[Any], ResultT]) -> ResultT:
        self._sleep(max(0.0, self._free_at - time.monotonic()))
        text = json.dumps(payload, ensure_ascii=False)
        most = payload.get("max_tokens") or payload.get("max_completion_tokens") or 1
        bound = self._cost(len(text) // _CHARACTERS_PER_TOKEN + 1, int(most))
        self.budget.take(bound)
        used = (0, 0)
        try:
            reply = self._send(text)
            used = _usage(reply, text)
            return read(reply)
        finally:
            self.budget.settle(bound, *used, self._cost(*used))

    def _cost(self, prompt: int, completion: int) -> float:
        return (prompt * self.input_price + completion * self.output_price) / 1e6

    def _send(self, text: str) -> Any:
        deadline = time.monotonic() + self.timeout
        headers = {"Content-Type": "application/json", **self.headers}
        try:
            with requests.post(
                self.url,
                data=text.encode("utf-8", "replace"),
                headers=headers,
                timeout=self.timeout,
                verify=self.verify,
                stream=True,
            ) as response:
                body = _body(response, deadline)
                self._check_status(response, body)
        except requests.Timeout as error:
            raise TryAgain(f"no reply within {self.timeout:g} s") from error
        except requests.RequestException as error:
            raise TryAgain(f"no connection ({_innermost(error)})") from error
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            kind = response.headers.get("Content-Type", "no type")
            raise TryAgain(f"the reply is not JSON ({kind}): {_shown(body)}") from error

    def _check_status(self, response: requests.Response, body: bytes) -> None:
        status = response.status_code
        if response.ok:
            return
        reason = f"HTTP {status}: {_shown(body)}"
        if status in _WRONG_USE:
            self._gone = EndpointGone(f"{mask_text(self.url)}: {RequestFailed(reason)}")
            raise self._gone
        if status in _RETRIED or status >= 500:
            pause = retry_after(response.headers.get("Retry-After"))
            if pause is not None and pause > LONGEST_RETRY_AFTER:
                raise RequestFailed(f"{reason} (asks for a pause of {pause:.0f} s)")
            if pause is not None:
                with self._lock:  # the others wait too
                    self._free_at = max(self._free_at, time.monotonic() + pause)
            raise TryAgain(reason, pause)
        raise RequestFailed(reason)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next try: twice as long each time, at random between half and all
        of it, and no less than the endpoint asked for."""
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0**state.attempt_number)
        error = state.outcome.exception() if state.outcome else None
        asked = (error.retry_after or 0.0) if isinstance(error, TryAgain) else 0.0
        return max(asked, self._random.uniform(longest / 2, longest))

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise RequestFailed("stopped")


def open_endpoint(lm: Any, arguments: Mapping[str, Any], budget: Budget, option: str) -> Endpoint:
    """The endpoint of a model of lm-eval's, with the arguments that were given for it.

    Raises UsageError for an argument that is no number or a budget of money without prices.
    """
    if not lm.base_url:
        raise UsageError(f"{option}: expected base_url=URL of the endpoint")
    prices = {
        name: _number(arguments, name, 0.0, option) for name in ("input_price", "output_price")
    }
    if budget.max_cost is not None and not any(prices.values()):
        raise UsageError(
            f"--max_cost needs prices: {option} …,input_price=IN,output_price=OUT (per million "
            "tokens, in the same unit)"
        )
    return Endpoint(
        str(lm.base_url),
        dict(lm.header),
        budget,
        tries=max(1, int(_number(arguments, "max_retries", TRIES, option))),
        timeout=_number(arguments, "timeout", TIMEOUT, option),
        verify=lm.ca_cert_path or bool(lm.verify_certificate),
        input_price=prices["input_price"],
        output_price=prices["output_price"],
    )


def _number(arguments: Mapping[str, Any], name: str, default: float, option: str) -> float:
    value = arguments.get(name, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(f"{option}: {name}: expected a number of at least 0, got {value!r}")
    return number


def retry_after(value: str | None) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait: a number or a date; None for neither."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.timezone.utc)
    return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


def _body(response: requests.Response, deadline: float) -> bytes:
    """The reply's bytes; an endpoint that drips or floods is cut off."""
    pieces, size = [], 0
    for piece in response.iter_content(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise TryAgain(f"the reply is longer than {MOST_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise requests.Timeout
    return b"".join(pieces)


def _usage(reply: Any, text: str) -> tuple[int, int]:
    """(prompt, completion) tokens as the endpoint counts them, else bounds from the lengths."""
    usage = reply.get("usage") if isinstance(reply, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    found = [counts.get(name) for name in ("prompt_tokens", "completion_tokens")]
    lengths = (len(text), len(json.dumps(reply)))
    prompt, completion = (
        count
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0
        else length // _CHARACTERS_PER_TOKEN
        for count, length in zip(found, lengths, strict=True)
    )
    return prompt, completion


def _shown(body: bytes) -> str:
    return " ".join(body[:2000].decode("utf-8", "replace").split())[:160] or "nothing"


def _innermost(error: BaseException) -> str:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


@dataclass(frozen=True)
class Done(Generic[ItemT, ResultT]):
    """An item with what came of it: a result or the error that was raised."""

    item: ItemT
    result: ResultT | None
    error: Exception | None


def as_completed(
    work: Callable[[ItemT], ResultT], items: Sequence[ItemT], workers: int
) -> Iterator[Done[ItemT, ResultT]]:
    """``work`` on every item in ``workers`` threads; what is done comes at once, in any order.

    Closing the generator, or an interrupt while it waits, starts no further item.
    """
    waiting: queue.SimpleQueue[ItemT] = queue.SimpleQueue()
    finished: queue.SimpleQueue[Done[ItemT, ResultT]] = queue.SimpleQueue()
    stopped = threading.Event()
    for item in items:
        waiting.put(item)

    def serve() -> None:
        while not stopped.is_set():
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                finished.put(Done(item, work(item), None))
            except Exception as error:
                finished.put(Done(item, None, error))

    # Daemons: a request in flight does not keep a stopped program from ending.
    for _ in range(min(workers, len(items))):
        threading.Thread(target=serve, daemon=True).start()
    try:
        for _ in items:
            yield finished.get()
    finally:
        stopped.set()
