"""An endpoint on the loopback interface that violates the protocol on question 1 only.

``BEHAVIORS`` names what it can do; replies are written as raw bytes, so that nothing between a
test and the wire corrects them.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from faulty_server import verdict

VICTIM = 1
LETTERS = "ABC"
TEXT, CHAT, JUDGE = "text", "chat", "judge"
MODELS = (TEXT, CHAT)
ALL = (TEXT, CHAT, JUDGE)
SENDING = ((TEXT,), (JUDGE,))
"""In turns, of behaviors below the protocol: whose request it is makes no difference to them."""
JSON = "Content-Type: application/json\r\n"


def letter(number: int) -> str:
    """The right answer to a question of the tests."""
    return LETTERS[number % 3]


def quoted(text: str) -> str:
    return json.dumps(text)


@dataclass(frozen=True)
class Reply:
    """A reply whose pieces are JSON text, so that each may be any JSON there is, or none."""

    protocol: str
    text: str
    token: str
    logprob: str = "-0.1"
    top: Sequence[tuple[str, str]] = ()
    """(token, log-probability) of the most likely tokens."""
    usage: str = '{"prompt_tokens": 7, "completion_tokens": 1}'
    finish: str = '"length"'
    tops: str | None = None
    """In place of what ``top`` makes."""
    logprobs: str | None = None
    choices: str | None = None
    whole: str | None = None

    def body(self) -> str:
        if self.whole is not None:
            return self.whole
        choices = self.choices if self.choices is not None else f"[{self.choice()}]"
        return f'{{"object": "x", "choices": {choices}, "usage": {self.usage}}}'

    def choice(self) -> str:
        said = f'"text": {self.text}'
        if self.protocol != TEXT:
            said = f'"message": {{"role": "assistant", "content": {self.text}}}'
        shown = "" if self.protocol == JUDGE else f', "logprobs": {self._logprobs()}'
        return f'{{"index": 0, {said}, "finish_reason": {self.finish}{shown}}}'

    def _logprobs(self) -> str:
        if self.logprobs is not None:
            return self.logprobs
        if self.protocol == TEXT:
            top = ", ".join(f"{name}: {value}" for name, value in self.top)
            tops = self.tops if self.tops is not None else f"{{{top}}}"
            return (
                f'{{"tokens": [{self.token}], "token_logprobs": [{self.logprob}], '
                f'"top_logprobs": [{tops}]}}'
            )
        listed = ", ".join(f'{{"token": {n}, "logprob": {v}}}' for n, v in self.top)
        tops = self.tops if self.tops is not None else f"[{listed}]"
        return (
            f'{{"content": [{{"token": {self.token}, "logprob": {self.logprob}, '
            f'"top_logprobs": {tops}}}]}}'
        )


def good_reply(protocol: str, number: int, message: str) -> Reply:
    """Return a valid reply: the right letter for each question, and a verdict of its own."""
    if protocol == JUDGE:
        said = quoted(verdict(message))
        return Reply(JUDGE, said, said)
    mark = " " if protocol == TEXT else ""
    right = letter(number)
    others = [other for other in LETTERS if other != right]
    said = quoted(mark + right)
    top = [(said, "-0.1"), (quoted(mark + others[0]), "-3.0"), (quoted(mark + others[1]), "-4")]
    return Reply(protocol, said, said, "-0.1", top)


@dataclass
class Talk:
    """One request with its connection, and the good reply to it."""

    server: HostileServer
    connection: socket.socket
    good: Reply
    delay: float = 0.05

    def send(self, data: bytes | str) -> None:
        self.connection.sendall(data.encode() if isinstance(data, str) else data)

    def say(self, body: bytes | str, headers: str = JSON, status: str = "200 OK") -> None:
        content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        self.send(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(content)}\r\n\r\n")
        self.send(content)

    def drip(self, data: bytes | str) -> None:
        """Send byte by byte, forever, until the client disconnects or the server stops."""
        content = data.encode() if isinstance(data, str) else data
        while not self.server.stopped.wait(self.delay):
            self.send(content[:1])
            content = content[1:] + content[:1]


Act = Callable[[Talk], None]
BEHAVIORS: dict[str, Behavior] = {}


@dataclass(frozen=True)
class Behavior:
    """What is done to a question, and the expected outcome.

    ``reason`` is searched for in the stored reason; if it is empty, the right row must be stored.
    """

    act: Act
    reason: str
    protocols: tuple[str, ...]


def add(name: str, act: Act, reason: str = "", protocols: tuple[str, ...] = ()) -> None:
    assert name not in BEHAVIORS
    chosen = protocols or SENDING[len(BEHAVIORS) % len(SENDING)]
    BEHAVIORS[name] = Behavior(act, reason, chosen)


def body(name: str, reason: str = "", protocols: tuple[str, ...] = MODELS, **pieces: Any) -> None:
    """A reply with other pieces; a callable makes the piece from the valid reply."""
    from dataclasses import replace

    def act(talk: Talk) -> None:
        made = {key: v(talk.good) if callable(v) else v for key, v in pieces.items()}
        talk.say(replace(talk.good, **made).body())

    add(name, act, reason, protocols)


def sent(data: bytes | str) -> Act:
    return lambda talk: talk.send(data)


def status(code: str, headers: str = "", text: str = '{"error": "no"}') -> Act:
    return lambda talk: talk.say(text, JSON + headers, code)


# -- connections -----------------------------------------------------------------------------------

OK = "HTTP/1.1 200 OK\r\n"
LONG = f"{OK}{JSON}Content-Length: 100000\r\n\r\n"
CHUNKED = f"{OK}{JSON}Transfer-Encoding: chunked\r\n\r\n"
LOST, LATE = "no connection", r"no reply within 0\.3 s"
TOO_LONG = f"longer than 32 MiB|{LATE}"  # a busy machine may not have sent that much


def reset(talk: Talk) -> None:
    talk.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.connection.close()


def then_drips(begun: str, dripped: str) -> Act:
    def act(talk: Talk) -> None:
        talk.send(begun)
        talk.drip(dripped)

    return act


def then_floods(begun: str) -> Act:
    def act(talk: Talk) -> None:
        talk.send(begun)
        for _ in range(4096):
            talk.send(b" " * (1 << 16))

    return act


def continued(talk: Talk) -> None:
    while not talk.server.stopped.wait(0.02):
        talk.send("HTTP/1.1 100 Continue\r\n\r\n")


def late(talk: Talk) -> None:
    time.sleep(0.2)
    talk.say(talk.good.body())


add("closes at once", lambda _: None, LOST)
add("resets", reset, LOST)
add("closes after the status line", sent(OK), "no connection|not JSON")
add("closes amid the headers", sent(f"{OK}Content-Le"), "no connection|not JSON")
add("closes amid the body", sent(f'{LONG}{{"choices": ['), LOST)
add("never answers", lambda talk: talk.drip(b""), LATE)
add("stalls amid the body", lambda t: (t.send(LONG + '{"choices"'), t.drip(b""))[0], LATE)
add("drips the status line", then_drips("HTTP/1.1 200 ", "O"), LATE)
add("drips a header", then_drips(f"{OK}X-Long: ", "x"), LATE)
add("drips headers", then_drips(OK, "X: y\r\n"), LATE)
add("drips the body", then_drips(LONG, " "), LATE)
add("drips a body without a length", then_drips(f"{OK}{JSON}\r\n", " "), LATE)
add("drips chunks", then_drips(CHUNKED, "1\r\n \r\n"), LATE)
add("drips a chunk's size", then_drips(CHUNKED, "0"), LATE)
add("drips trailers", then_drips(f"{CHUNKED}2\r\n{{}}\r\n0\r\n", "T: x\r\n"), LATE)
add("drips packed bytes", then_drips(LONG.replace(JSON, "Content-Encoding: gzip\r\n"), "\0"), LATE)
add("continues for ever", continued, LATE)
add("answers after the others", late)
add("floods a body without a length", then_floods(f"{OK}{JSON}\r\n"), TOO_LONG)
add("floods a chunk of size -1", then_floods(f"{CHUNKED}-1\r\n"), TOO_LONG)
add("floods a huge chunk", then_floods(f"{CHUNKED}FFFFFFFFFF\r\n"), TOO_LONG)
add("floods a header", then_floods(f"{OK}X: "), "no connection")
add("floods the status line", then_floods("HTTP/1.1 200 "), "no connection")
add("sends a thousand headers", sent(OK + "X: y\r\n" * 1000 + "\r\n"), LOST)
add("speaks no HTTP", sent(b"\x16\x03\x01\x02\x00 what?\r\n\r\n"), LOST)
add("sends JSON alone", lambda talk: talk.send(talk.good.body()), LOST)
add("has a status of letters", sent("HTTP/1.1 abc OK\r\n\r\n"), LOST)
add("has a status of 99999", sent("HTTP/1.1 99999 OK\r\n\r\n"), LOST)
add("says two lengths", sent(f"{OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}} "),
    "no connection|not JSON|no choices")  # fmt: skip
add("says a length of letters", sent(f"{OK}Content-Length: two\r\n\r\n{{}}"),
    "no connection|no choices")  # fmt: skip
add("says a negative length", sent(f"{OK}Content-Length: -2\r\n\r\n{{}}"),
    "no connection|no choices")  # fmt: skip
add("says too short a length",
    lambda t: t.send(f"{OK}Content-Length: 30\r\n\r\n{t.good.body()}"), "not JSON")  # fmt: skip
add("says a huge length", sent(f"{OK}Content-Length: {10**30}\r\n\r\n{{}}"), LOST)
add("sends a chunk size of letters", sent(f"{CHUNKED}zz\r\n{{}}\r\n0\r\n\r\n"), LOST)
add("sends a chunk of size -5", sent(f"{CHUNKED}-5\r\n{{}}\r\n0\r\n\r\n"), LOST)
add("ends amid a chunk", sent(f"{CHUNKED}50\r\n{{}}"), LOST)
add("ends without the last chunk", sent(f"{CHUNKED}2\r\n{{}}\r\n"), LOST)
add("sends a second reply", lambda t: [t.say(t.good.body()) for _ in range(2)] and None)


# -- packing ---------------------------------------------------------------------------------------


@cache
def bomb() -> bytes:
    """64 MiB of whitespace in 64 KiB."""
    return gzip.compress(b" " * (64 << 20), 6)


def packed(pack: Callable[[bytes], bytes], encoding: str = "gzip") -> Act:
    return lambda t: t.say(pack(t.good.body().encode()), f"{JSON}Content-Encoding: {encoding}\r\n")


add("packs well", packed(gzip.compress))
add("says identity", packed(bytes, "identity"))
add("sends a bomb", packed(lambda _: bomb()), TOO_LONG)
add("sends a huge body", packed(lambda _: b" " * (33 << 20), "identity"), TOO_LONG)
add("cuts the packed body off", packed(lambda b: gzip.compress(b)[:-20]), "gzip data are truncated")
add("packs only a part", packed(lambda b: gzip.compress(b[:9]) + b[9:]), "followed by more")
add("packs nothing, and says so", packed(bytes), "is not gzip, as it says")
add("packs twice", packed(lambda b: gzip.compress(gzip.compress(b)), "gzip, gzip"), "not requested")
add("packs in another way", packed(zlib.compress, "br"), "as br, which was not requested")
add("packs empty members", packed(lambda b: gzip.compress(b"") * 9999), "followed by more")


# -- statuses --------------------------------------------------------------------------------------

for code in (400, 402, 409, 418, 422, 429, 451, 500, 502, 503, 529, 599, 999):
    add(f"says {code}", status(f"{code} No"), f"HTTP {code}")
add("says 101", status("101 Switching Protocols"), "HTTP 101|no connection")
add("says 204", sent("HTTP/1.1 204 No Content\r\n\r\n"), "not JSON")
add(
    "says 206 of half", lambda t: t.say(t.good.body()[:40], JSON, "206 Partial Content"), "not JSON"
)
add("says 503 in HTML", status("503 No", text="<html>busy</html>"), "HTTP 503: <html>busy")
for value in ("nan", "-5", "soon", "0x10", "Fri, 99 Foo 9999 99:99:99 +9999", "١", "",
              "Mon, 01 Jan 0001 00:00:00 +2359", "Thu, 01 Jan 1970 00:00:00 GMT"):  # fmt: skip
    add(f"says 429 and to wait for {value!r}",
        status("429 No", f"Retry-After: {value}\r\n"), "HTTP 429")  # fmt: skip
for value in ("1e400", "inf", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"):
    add(f"says 429 and to wait for {value[:30]!r}",
        status("429 No", f"Retry-After: {value}\r\n"), "HTTP 429.*asks for a pause of")  # fmt: skip


def redirect(code: int, target: str) -> Act:
    def act(talk: Talk) -> None:
        where = target.format(url=talk.server.url, port=talk.server.port)
        talk.say(talk.good.body(), f"{JSON}Location: {where}\r\n", f"{code} Elsewhere")

    return act


for code in (301, 302, 303, 307, 308):
    add(f"redirects with {code}", redirect(code, "http://localhost:{port}/x"),
        rf"http://127\.0\.0\.1:\d+/v1\S*: HTTP {code}, .* to http://localhost:\d+/x,")  # fmt: skip
add("redirects to itself", redirect(307, "{url}"), "HTTP 307, a redirect to http://127")
add("redirects within", redirect(302, "/other"), r"a redirect to http://127\.0\.0\.1:\d+/other, w")
add("redirects to a file", redirect(302, "file:///etc/passwd"), "redirect to file:///etc/passwd")
add("redirects to no URL", redirect(302, "http://[::1"), r"a redirect to http://\[::1")
add("redirects nowhere", status("302 Found"), "HTTP 302, a redirect to no address")
add("says 300", lambda t: t.say(t.good.body(), JSON, "300 Choose"), "HTTP 300, a redirect to no")
add("says 304", sent("HTTP/1.1 304 Not Modified\r\n\r\n"), "HTTP 304, a redirect to no address")


# -- bodies ----------------------------------------------------------------------------------------


def said(make: Callable[[str], bytes | str]) -> Act:
    return lambda talk: talk.say(make(talk.good.body()))


add("sends nothing", said(lambda _: ""), "not JSON.*: nothing")
add("sends HTML", said(lambda _: "<html><h1>Gateway</h1></html>"), "not JSON")
add("sends half", said(lambda b: b[: len(b) // 2]), "not JSON")
add("sends two values", said(lambda b: b + b), "not JSON")
add("sends a stream", said(lambda b: f"data: {b}\n\ndata: [DONE]\n\n"), "not JSON")
add("begins with a byte order mark", said(lambda b: b"\xef\xbb\xbf" + b.encode()))
add("sends UTF-16", said(lambda b: b.encode("utf-16")))
add(
    "sends bytes that are no UTF-8",
    said(lambda b: b.encode().replace(b'"x"', b'"\xff"')),
    "not JSON",
)
add("sends NUL bytes", said(lambda _: b"\0" * 100), "not JSON")
add("nests 100,000 deep", said(lambda _: "[" * 100_000), "not JSON")
add("nests 400 deep", said(lambda _: "[" * 400 + "]" * 400), "no choices")
add("has a number of 5,000 digits", said(lambda b: b.replace('"x"', "9" * 5000)), "not JSON")
for value in ("null", "true", "0", '"text"', "[]", "{}", "NaN", '{"error": {"message": "no"}}'):
    add(f"sends {value}", said(lambda _, value=value: value), "the reply has no choices")  # type: ignore[misc]
add("says choices twice", said(lambda b: b[:-1] + ', "choices": []}'), "more than once|no choices")
add("says choices twice, well the second time",
    said(lambda b: '{"choices": [{}], ' + b[1:]), "'choices' more than once")  # fmt: skip
for value in ("null", "{}", '"none"', "7", "true"):
    body(f"has choices {value}", "the reply has no choices", ALL, choices=value)
body("has no choice", "has no choices for one prompt", ALL, choices="[]")
for value in ("null", "[]", '"A"', "true"):
    body(f"has a choice {value}", "the choice is not an object", ALL, choices=f"[{value}]")
body("has an empty choice", "is not|no text", ALL, choices="[{}]")
body("has two choices", "2 choices for one prompt", ALL,
     choices=lambda good: f"[{good.choice()}, {good.choice()}]")  # fmt: skip
body("says a message or text twice", "more than once", ALL,
     choices=lambda good: f"[{good.choice()[:-1]}, {good.choice()[1:]}]")  # fmt: skip
for value in ("7", "true", '["A"]', '{"A": 1}', "NaN"):
    body(f"has a text {value}", "the reply's text is not text", ALL, text=value)
body(
    "has a null text",
    "the reply's text is not text|an empty reply|the model thinks before",
    ALL,
    text="null",
)
body("has half a character in its text", "half of a character", ALL, text='"A \\ud83d"')
body("has the other half in its text", "half of a character", ALL, text='"\\ude00 A"')
add("has half a character in raw bytes", lambda t: t.say(
    t.good.body().replace(t.good.text, '"\ud83d"')), "half of a character|not JSON")  # fmt: skip
body("has a finish_reason 7", "finish_reason is not text", finish="7")
body("has a finish_reason that is a list", "finish_reason is not text", finish='["stop"]')
body("has a null finish_reason", finish="null")
body("has NUL in its text", text='"A\\u0000"')
body("has escapes in its text", text='"\\u001b[2J A"')

# -- usage -----------------------------------------------------------------------------------------

HUGE = str(10**400)
for value in ("-1", "true", '"7"', "7.5", "NaN", "Infinity", "1e400", HUGE, "[7]", str(2**62)):
    body(f"counts {value[:20]} tokens", "prompt_tokens", ALL, usage=f'{{"prompt_tokens": {value}}}')
for value in ("[]", '"x"', "7", "true"):
    body(f"has a usage {value}", "usage is not an object", ALL, usage=value)
body("counts twice", "more than once", ALL, usage='{"prompt_tokens": 7, "prompt_tokens": 8}')
body("counts 7.0 tokens", "", ALL, usage='{"prompt_tokens": 7.0}')
body("counts nothing", "", ALL, usage="null")

# -- log-probabilities -----------------------------------------------------------------------------

body("shows none", "ended the text without a token", logprobs="null")
for value in ("[]", "true", '"none"', "-0.1"):
    body(f"has logprobs {value}", "logprobs is not an object", logprobs=value)
body("has empty logprobs", "is not a list|without a token", logprobs="{}")
body("has lists of other lengths", "three lists of different lengths", (TEXT,),
     logprobs='{"tokens": [" A", " B"], "token_logprobs": [-1], "top_logprobs": [{}]}')  # fmt: skip
body("has a text for a list", "is not a list", (TEXT,),
     logprobs='{"tokens": "A", "token_logprobs": [-1], "top_logprobs": [{}]}')  # fmt: skip
body("has an object for a list", "content is not a list", (CHAT,), logprobs='{"content": {"a": 1}}')
body("has texts for tokens", "is not an object", (CHAT,), logprobs='{"content": ["A"]}')
for value in ("null", "7", "true", '["A"]', '{"A": 1}'):
    body(f"has a token {value}", "a token is not text", token=value)
body("has half a character in a token", "half of a character", token='"\\ud83d"')
NO_LOGPROBS = (
    "null",
    "true",
    '"-0.1"',
    "[-1]",
    "NaN",
    "Infinity",
    "0.5",
    "1e400",
    HUGE,
    f"-{HUGE}",
)
for value in NO_LOGPROBS:
    body(f"has a log-probability {value[:12]}", "log-probability", logprob=value)
    body(f"has a log-probability {value[:12]} beside it", "log-probability",
         top=lambda good, value=value: [*good.top[:2], (good.top[2][0], value)])  # fmt: skip
for value in ("-9999", "-1e400", "-Infinity", "-1e308"):
    body(f"has {value} for what it said", "impossible by its own account", logprob=value,
         top=lambda good: good.top[1:])  # fmt: skip
    body(f"has {value} for what it did not say", top=lambda good, value=value: [
        *good.top[:2], (good.top[2][0], value)])  # fmt: skip
body("has top_logprobs in the other protocol's form", "not a list", (CHAT,), tops='{"A": -0.1}')
body("has a list of top_logprobs", "place of top_logprobs is not an object", (TEXT,),
     tops='[{"token": " A", "logprob": -0.1}]')  # fmt: skip
body("has pairs for top_logprobs", "is not an object", tops='[["A", -0.1], ["B", -3]]')
body("has a text for top_logprobs", "is not a", tops='"A"')
body("has null top_logprobs", tops="null")
body("has half a character beside it", "half of a character",
     top=lambda good: [*good.top, ('"\\udc00"', "-9")])  # fmt: skip
body("has NUL beside it", top=lambda good: [*good.top, ('"\\u0000"', "-9")])
body("has an empty token beside it", top=lambda good: [*good.top, ('""', "-9")])
body("has a token of its own name twice", top=lambda good: [*good.top, (good.top[0][0], "-12")])
body("has it twice, the unlikely one first", top=lambda good: [(good.top[0][0], "-12"), *good.top])
body("has another twice", top=lambda good: [*good.top, (good.top[1][0], "-3.5")])
body("has only its unlikely namesake", top=lambda good: [(good.top[0][0], "-12"), *good.top[1:]])
body("has probabilities of 3 in all", "add up to 3",
     top=lambda good: [(name, "-0.0") for name, _ in good.top], logprob="0")  # fmt: skip
body("has more than 1 by repeating", r"add up to 1\.88", top=lambda good: [*good.top, good.top[0]])
body("has marks for spaces", token=lambda good: good.token.replace('" ', '"Ġ'), top=lambda good: [
    (name.replace('" ', '"Ġ'), value) for name, value in good.top])  # fmt: skip


# -- the server ------------------------------------------------------------------------------------


@dataclass
class HostileServer:
    """The behavior of a running server, and the requests it received."""

    protocol: str
    port: int = 0
    behavior: str = ""
    asked: list[str] = field(default_factory=list)
    """Request lines."""
    headers: list[dict[str, str]] = field(default_factory=list)
    victims: set[int] | None = None
    """Numbers of the requests that meet the behavior, in place of question 1's."""
    everyone: bool = False
    """Whether all do."""
    delays: Callable[[int], float] = lambda _: 0.0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return (
            f"http://127.0.0.1:{self.port}/v1/{'' if self.protocol == TEXT else 'chat/'}completions"
        )

    def serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            line, headers, payload = _request(connection)
            self.asked.append(line)
            self.headers.append(headers)
            prompt = payload.get("prompt") or payload["messages"][-1]["content"]
            found = re.search(r"number (\d+)", prompt)
            number = int(found.group(1)) if found else 0
            talk = Talk(self, connection, good_reply(self.protocol, number, prompt))
            time.sleep(self.delays(number))
            met = number == VICTIM if self.victims is None else len(self.asked) in self.victims
            if self.behavior and (met or self.everyone):
                BEHAVIORS[self.behavior].act(talk)
            else:
                talk.say(talk.good.body())


def _request(connection: socket.socket) -> tuple[str, dict[str, str], dict[str, Any]]:
    file = connection.makefile("rb")
    line = file.readline().decode().strip()
    headers = {}
    while header := file.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    content = file.read(int(headers.get("content-length", 0)))
    return line, headers, json.loads(content or b'{"prompt": "none"}')


@contextlib.contextmanager
def hostile(protocol: str, behavior: str = "") -> Iterator[HostileServer]:
    """A running server."""
    bomb()  # takes longer than a request may
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        state = HostileServer(protocol, listener.getsockname()[1], behavior)
        listener.settimeout(0.05)

        def accept() -> None:
            while not state.stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listener.accept()
                    threading.Thread(target=state.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield state
        finally:
            state.stopped.set()
            thread.join()
