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
from urllib.parse import urljoin, urlsplit

import tenacity

from . import transport
from .budget import Budget
from .errors import UsageError
from .masking import mask_text
from .reply_json import excerpt, parse, shown, the_usage
from .request_errors import EndpointGone, RequestFailed, TryAgain

TRIES, TIMEOUT = 6, 300.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
LONGEST_RETRY_AFTER = 900.0
"""Seconds: an endpoint that asks for a longer pause counts as failed."""
PATIENCE, PATIENCE_AT_FIRST = 8, 5
"""Requests in a row that fail for good before the endpoint counts as gone."""
_RETRIED = frozenset({408, 409, 425, 429})
_WRONG_USE = frozenset({401, 403, 404, 405})
_CHARACTERS_PER_TOKEN = 2
"""Of prompts whose cost must be bounded before they are sent: fewer than any tokenizer needs."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


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
            body, reply = self._send(text)
            used = _usage(reply, len(text), len(body))
            return _read(read, reply)
        finally:
            self.budget.settle(bound, *used, self._cost(*used))

    def _cost(self, prompt: int, completion: int) -> float:
        return (prompt * self.input_price + completion * self.output_price) / 1e6

    def _send(self, text: str) -> tuple[bytes, Any]:
        """Body of the reply, and the JSON that it holds."""
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
        """Following it would send questions and key to an address that nobody named, or, as a
        GET, bring back a text that answers no question."""
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
    _check_address(str(lm.base_url or ""), dict(lm.header), option)
    prices = {
        name: _number(arguments, name, 0.0, option) for name in ("input_price", "output_price")
    }
    if budget.max_cost is not None and not any(prices.values()):
        raise UsageError(
            f"--max_cost needs prices: {option} …,input_price=IN,output_price=OUT (per million "
            "tokens, in the same unit)"
        )
    timeout = _number(arguments, "timeout", TIMEOUT, option)
    if not timeout:
        raise UsageError(f"{option}: timeout: expected seconds above 0, got 0")
    return Endpoint(
        str(lm.base_url),
        dict(lm.header),
        budget,
        tries=max(1, int(_number(arguments, "max_retries", TRIES, option))),
        timeout=timeout,
        verify=lm.ca_cert_path or bool(lm.verify_certificate),
        input_price=prices["input_price"],
        output_price=prices["output_price"],
    )


def whole_number(
    arguments: Mapping[str, Any], name: str, default: int, least: int, option: str
) -> int:
    """An argument that counts something. Raises UsageError where it does not."""
    number = _number(arguments, name, default, option)
    if number != int(number) or number < least:
        raise UsageError(
            f"{option}: {name}: expected a whole number of at least {least}, got "
            f"{arguments.get(name)!r}"
        )
    return int(number)


def _check_address(url: str, headers: Mapping[str, Any], option: str) -> None:
    if not url:
        raise UsageError(f"{option}: expected base_url=URL of the endpoint")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise UsageError(
            f"{option}: base_url: expected http://… or https://…, got {mask_text(url)!r}"
        )
    for name, value in headers.items():
        text = f"{name}: {value}"
        if not text.isprintable() or any(ord(character) > 255 for character in text):
            raise UsageError(
                f"{option}: the header {name!r} holds characters that cannot be sent; is its key "
                "complete, and without line breaks?"
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
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.timezone.utc)
    return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


def _usage(reply: Any, asked: int, said: int) -> tuple[int, int]:
    """(prompt, completion) tokens as the endpoint counts them, else bounds from the lengths."""
    try:
        prompt, completion = the_usage(reply)
    except TryAgain:  # the reader says so; the budget must go on
        prompt = completion = None
    return (
        asked // _CHARACTERS_PER_TOKEN if prompt is None else prompt,
        said // _CHARACTERS_PER_TOKEN if completion is None else completion,
    )


def _read(read: Callable[[Any], ResultT], reply: Any) -> ResultT:
    """What ``read`` makes of a reply. Whatever a reply can make a reader stumble over costs the
    one question, never the run."""
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
