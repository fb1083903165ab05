"""One HTTP POST: to the address that was named and no other, within a deadline, of bounded size.

``requests`` sends it. Its own ``timeout`` begins anew with every byte that arrives, it follows
redirects, and it reads ``.netrc``; here the deadline is checked before each read and write of the
socket, a redirect is a reply like any other, and only the headers that are given are sent.
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
"""Of a reply, with its headers, as it comes and again as it is unpacked."""
_LONGEST = 1e6
"""Seconds: the operating system's clocks take no number of any size."""
_PIECE = 1 << 14
_Pool = urllib3.HTTPConnectionPool
Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int | bytes, ...]]


@dataclass(frozen=True)
class HTTPReply:
    """Status, headers and unpacked body of a reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Limits:
    """What is left of a request's time, and of the bytes that its reply may have."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + min(seconds, _LONGEST)
        self._bytes = MOST_BYTES

    def remaining(self) -> float:
        """Seconds to the deadline. Raises TimeoutError where it is over."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @property
    def over(self) -> bool:
        """Whether the deadline is (nearly: clocks differ)."""
        return time.monotonic() > self._deadline - 0.01

    def count(self, size: int) -> None:
        """Raise TryAgain where this many further bytes are too many."""
        self._bytes -= size
        if self._bytes < 0:
            raise TryAgain(_too_long())


def _too_long() -> str:
    return f"the reply is longer than {MOST_BYTES >> 20} MiB"


class _BoundedReader(io.RawIOBase):
    """A socket's bytes, within the limits."""

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
    """Mixed into a connection of urllib3's: everything that it does has one deadline."""

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
    """Sends what it is told to where it is told, and looks at nothing else."""

    def __init__(self, limits: _Limits) -> None:
        super().__init__()
        self.trust_env = False  # it would send what .netrc holds in place of our headers
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(limits))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None  # not even read: it may be no URL


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
    """A socket to the first address of the host that takes a connection."""
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
    """The host's addresses. The resolver cannot be told a deadline, so it is left where it is
    when the deadline is over; its thread ends by itself and holds no exit."""
    found: queue.SimpleQueue[Sequence[Address] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        result = found.get(timeout=limits.remaining())
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(result, Exception):
        raise result
    return list(result)


def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout: float, verify: bool | str
) -> HTTPReply:
    """The reply to ``body``, whatever its status; a redirect is not followed.

    ``timeout`` in seconds bounds looking up, connecting, sending and receiving together. Raises
    TryAgain where no whole reply comes within it.
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
        ValueError,  # of chunk sizes and header fields that are none
    ) as error:
        if limits.over:
            raise TryAgain(f"no reply within {timeout:g} s") from error
        raise TryAgain(f"no connection ({_innermost(error)})") from error


def _certificates(verify: bool | str) -> bool | str:
    if verify is not True:
        return verify
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _proxies(url: str) -> dict[str, str]:
    """The environment's proxies for ``https``, which they pass on unread. Without encryption a
    proxy would see the key and the questions, so none is used then."""
    return dict(get_environ_proxies(url)) if url.lower().startswith("https:") else {}


def _content(response: requests.Response) -> bytes:
    raw = b"".join(response.raw.stream(1 << 16, decode_content=False))
    kinds = response.headers.get("Content-Encoding", "").lower().split(",")
    kinds = [kind.strip() for kind in kinds if kind.strip() not in ("", "identity")]
    if not kinds or not raw:
        return raw
    if kinds not in (["gzip"], ["x-gzip"]):
        raise TryAgain(f"the reply is packed as {', '.join(kinds)}, which was not asked for")
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        content = unpacking.decompress(raw, MOST_BYTES + 1)
    except zlib.error as error:
        raise TryAgain(f"the reply is not gzip, as it says ({error})") from error
    if len(content) > MOST_BYTES:
        raise TryAgain(_too_long())
    if not unpacking.eof or unpacking.unused_data:
        raise TryAgain("the reply's gzip is cut off, or goes on after its end")
    return content


def _innermost(error: BaseException) -> str:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def retry_after(value: str | None) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait: a number or a date; None for neither."""
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
