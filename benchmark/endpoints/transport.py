"""One HTTP POST to exactly the given address, within a deadline and with a bounded reply.

It is sent with ``requests``, whose own ``timeout`` restarts with every byte received, and which
follows redirects and reads ``.netrc``. Here the deadline is checked before each read and write of
the socket, a redirect is a reply like any other, and only the given headers are sent.
"""

from __future__ import annotations

import datetime
import email.utils
import functools
import http.client
import io
import os
import queue
import socket
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from .request_errors import TryAgain

MOST_BYTES = 32 << 20
"""Of a reply with its headers, as received, and again as decompressed."""
_LONGEST = 1e6
"""Seconds; the operating system does not accept arbitrarily long timeouts."""
_PIECE = 1 << 14
_Pool = urllib3.HTTPConnectionPool
Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int | bytes, ...]]


@dataclass(frozen=True)
class HTTPReply:
    """Status, headers and decompressed body of a reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Limits:
    """The remaining time of a request, and the remaining bytes of its reply."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + min(seconds, _LONGEST)
        self._bytes = MOST_BYTES

    def remaining(self) -> float:
        """Return the seconds until the deadline. Raises TimeoutError after it."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @property
    def over(self) -> bool:
        """Whether the deadline has passed (with a margin, as clocks differ)."""
        return time.monotonic() > self._deadline - 0.01

    def count(self, size: int) -> None:
        """Count received bytes. Raises TryAgain beyond the limit."""
        self._bytes -= size
        if self._bytes < 0:
            raise TryAgain(_too_long())


def _too_long() -> str:
    return f"the reply is longer than {MOST_BYTES >> 20} MiB"


class _BoundedReader(io.RawIOBase):
    """Reads a socket within the limits."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, limits: _Limits) -> None:
        self._raw, self._sock, self._limits = raw, sock, limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._sock.settimeout(self._limits.remaining())
        size = self._raw.readinto(buffer) or 0
        self._limits.count(size)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, limits: _Limits, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        assert isinstance(self.fp, io.BufferedReader)
        reader = _BoundedReader(self.fp.detach(), sock, limits)
        self.fp = io.BufferedReader(reader, 1 << 16)


class _Bounded:
    """Mixin for urllib3's connections: all of their operations share one deadline."""

    def __init__(self, *args: Any, limits: _Limits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        this: Any = self
        this.response_class = functools.partial(_BoundedResponse, limits=limits)

    def _new_conn(self) -> socket.socket:
        this = cast(HTTPConnection, self)
        host, port = this._dns_host, this.port
        try:
            return _connected(host, port, self._limits)
        except socket.gaierror as error:
            raise NameResolutionError(host, this, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(this, "timed out") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(this, str(error)) from error

    def send(self, data: Any) -> None:
        this = cast(HTTPConnection, self)
        for start in range(0, len(data), _PIECE):
            if this.sock is not None:
                this.sock.settimeout(self._limits.remaining())
            super().send(data[start : start + _PIECE])  # type: ignore[misc]


class _BoundedHTTP(_Bounded, HTTPConnection): ...


class _BoundedHTTPS(_Bounded, HTTPSConnection): ...


class _Session(requests.Session):
    """A session that ignores the environment and redirects."""

    def __init__(self, limits: _Limits) -> None:
        super().__init__()
        self.trust_env = False  # else credentials from .netrc would replace our headers
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(limits))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None  # not even parsed: it need not be a URL


class _Adapter(HTTPAdapter):
    def __init__(self, limits: _Limits) -> None:
        self._limits = limits
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> _Pool:
        pool = super().get_connection_with_tls_context(*args, **options)
        if pool.ConnectionCls not in (HTTPConnection, HTTPSConnection):
            raise requests.exceptions.InvalidProxyURL("only HTTP proxies can be used, not SOCKS")
        secure = pool.ConnectionCls is HTTPSConnection
        pool.ConnectionCls = _BoundedHTTPS if secure else _BoundedHTTP
        pool.conn_kw["limits"] = self._limits
        return pool


def _connected(host: str, port: int, limits: _Limits) -> socket.socket:
    """Connect to the first address of the host that accepts a connection."""
    problem: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for family, kind, protocol, _, address in _addresses(host, port, limits):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(limits.remaining())
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
            sock.settimeout(limits.remaining())  # of a TLS handshake
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem


def _addresses(host: str, port: int, limits: _Limits) -> list[Address]:
    """Look up the host's addresses in a thread, which is abandoned when the deadline passes."""
    # The resolver accepts no deadline; its thread ends by itself and does not block the exit.
    outcomes: queue.SimpleQueue[Sequence[Address] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            outcomes.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            outcomes.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        result = outcomes.get(timeout=limits.remaining())
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(result, Exception):
        raise result
    return list(result)


def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout: float, verify: bool | str
) -> HTTPReply:
    """Send a POST request and return the reply, whatever its status, following no redirect.

    ``timeout`` (seconds) covers name lookup, connecting, sending and receiving; ``verify`` is
    whether to verify certificates, or a file of them.

    Raises TryAgain if no complete reply arrives in time, or if it is too large.
    """
    limits = _Limits(timeout)
    try:
        with (
            _Session(limits) as session,
            session.post(
                url,
                data=body,
                headers={**headers, "Accept-Encoding": "gzip"},
                verify=_certificates(verify),
                proxies=_proxies(url),
                stream=True,
                allow_redirects=False,
            ) as response,
        ):
            content = _content(response)
            return HTTPReply(response.status_code, dict(response.headers.lower_items()), content)
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        http.client.HTTPException,
        OSError,
        ValueError,  # malformed chunk sizes and header fields
    ) as error:
        if limits.over:
            raise TryAgain(f"no reply within {timeout:g} s") from error
        raise TryAgain(f"no connection ({_innermost(error)})") from error


def _certificates(verify: bool | str) -> bool | str:
    if verify is not True:
        return verify
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _proxies(url: str) -> dict[str, str]:
    """Return the environment's proxies for ``https``; others would see key and questions."""
    return dict(get_environ_proxies(url)) if url.lower().startswith("https:") else {}


def _content(response: requests.Response) -> bytes:
    raw = b"".join(response.raw.stream(1 << 16, decode_content=False))
    kinds = response.headers.get("Content-Encoding", "").lower().split(",")
    kinds = [kind.strip() for kind in kinds if kind.strip() not in ("", "identity")]
    if not kinds or not raw:
        return raw
    if kinds not in (["gzip"], ["x-gzip"]):
        raise TryAgain(f"the reply is compressed as {', '.join(kinds)}, which was not requested")
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        content = unpacking.decompress(raw, MOST_BYTES + 1)
    except zlib.error as error:
        raise TryAgain(f"the reply is not gzip, as it says ({error})") from error
    if len(content) > MOST_BYTES:
        raise TryAgain(_too_long())
    if not unpacking.eof or unpacking.unused_data:
        raise TryAgain("the reply's gzip data are truncated, or followed by more")
    return content


def _innermost(error: BaseException) -> str:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def retry_after(value: str | None) -> float | None:
    """Parse a ``Retry-After`` header, a number or a date, to seconds; None for anything else."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        try:
            date = email.utils.parsedate_to_datetime(value)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.timezone.utc)
    return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds())
