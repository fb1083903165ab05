"""A chat endpoint on the loopback interface that judges by arithmetic and fails on purpose."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = (
    "too many", "server error", "timeout", "dropped", "truncated", "wrong type", "other shape",
    "empty",
)  # fmt: skip

LEVELS = ("high school", "undergraduate", "graduate", "postgraduate")


def verdict(message: str) -> str:
    """Return the server's reply to a message about a question, independent of time and order."""
    digest = hashlib.sha256(message.encode()).digest()
    if "[[" in message and "1 to 10" in message:
        return f"[[{digest[0] % 10 + 1}]]"
    if "which education is needed" in message:
        return f"Let me see. [[{LEVELS[digest[0] % 4]}]]"
    return f"Let me see. [[{digest[0] % 11 / 10:g}]]"


@dataclass
class Server:
    """The settings of a running server, and what it observed."""

    url: str = ""
    rate: float = 0.0
    """Share of requests that fail, each in one of ``faults``."""
    faults: tuple[str, ...] = FAULTS
    delay: float = 0.0
    pause: float = 2.0
    """Seconds that a timeout takes."""
    answer: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Gives the reply to a payload; the verdicts above where there is none."""
    script: list[str] = field(default_factory=list)
    """Faults of the next requests, before chance decides."""
    payloads: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    refused_field: str = ""
    """A field of requests that the server takes for an error."""
    refuses: Callable[[dict[str, Any]], str] = lambda payload: ""
    """Returns what is wrong with a request; "" for nothing."""
    answered: int = 0
    most_at_once: int = 0
    _now: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(0))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, payload: dict[str, Any], headers: dict[str, str]) -> str | None:
        """Register a request; returns the fault to inject."""
        with self._lock:
            self.payloads.append(payload)
            self.headers.append(headers)
            self.times.append(time.monotonic())
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            if self.script:
                return self.script.pop(0) or None
            if self._random.random() < self.rate:
                return self._random.choice(self.faults)
            return None

    def end(self, answered: bool) -> None:
        with self._lock:
            self._now -= 1
            self.answered += answered

    def reply(self, payload: dict[str, Any]) -> dict[str, Any]:
        if self.answer is not None:
            return self.answer(payload)
        text = verdict(payload["messages"][-1]["content"])
        return {
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text},
                         "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10},
        }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        payload = json.loads(body)
        fault = self.state.begin(payload, dict(self.headers))
        try:
            time.sleep(self.state.delay)
            error = self.state.refuses(payload)
            if self.state.refused_field in payload:
                error = f"Unsupported parameter: '{self.state.refused_field}'"
            if error:
                self._say(400, {"error": {"message": error}})
                return
            self._fail(fault, payload) if fault else self._say(200, self.state.reply(payload))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.state.end(fault is None)

    def _fail(self, fault: str, payload: dict[str, Any]) -> None:
        good = json.dumps(self.state.reply(payload))
        if match := re.fullmatch(r"too many(?: (\S+))?", fault):
            self._say(429, {"error": "slow down"}, {"Retry-After": match.group(1) or "0"})
        elif match := re.fullmatch(r"status (\d+)", fault):
            self._say(int(match.group(1)), {"error": f"no, {self.headers['Authorization']}"})
        elif fault == "server error":
            self._say(random.choice((500, 502, 503)), {"error": "oh"})
        elif fault == "timeout":
            time.sleep(self.state.pause)
            self._say(200, json.loads(good))
        elif fault == "dropped":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault == "truncated":
            self._raw(200, good[: len(good) // 2].encode(), "application/json")
        elif fault == "wrong type":
            self._raw(200, b"<html><h1>Gateway</h1></html>", "text/html")
        elif fault == "other shape":
            shapes: list[Any] = [
                [],
                3,
                {"choices": []},
                {"choices": [{"index": 0}]},
                {"a": None},
                {"choices": "none"},
                {"choices": [{"message": {"content": 3}}]},
            ]
            self._say(200, random.choice(shapes))
        elif fault == "empty":
            self._raw(200, b"", "application/json")
        else:
            raise AssertionError(fault)

    def _say(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        self._raw(status, json.dumps(content).encode(), "application/json", headers)

    def _raw(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Ignore clients that disconnect."""


@contextlib.contextmanager
def serving(path: str = "/v1/chat/completions", **settings: Any) -> Iterator[Server]:
    """A running server with these settings."""
    state = Server(**settings)
    listener = _Listener(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{listener.server_port}{path}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
