"""Servers of other programs, started for a test on a free port of this machine."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import requests


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def serving(
    command: Sequence[str | Path], health: str, env: Mapping[str, str], log: Path, seconds: float
) -> Iterator[str]:
    """Run a server, told its host and port, while inside; gives its address.

    It is waited for, so many seconds at most, until it answers at the path ``health``. What it
    prints is in ``log``, whose end is shown if it fails.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdout=output, stderr=output, env=dict(env),
        )  # fmt: skip
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                requests.get(f"{address}{health}", timeout=5).raise_for_status()
                break
            except requests.RequestException:
                assert server.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=60)
