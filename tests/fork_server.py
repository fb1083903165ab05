"""Run the command line in forks of a process that has already imported what it imports.

Importing torch, transformers and lm-eval takes most of the time of a short command. A test that
runs the command line gets the same entry point in a process of its own, forked from one that has
imported them. The start of a fresh interpreter is tested apart (``test_start_up.py`` and every
test that starts a process itself).
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# What the commands import on their way, each with much below it.
LIBRARIES = (
    "torch", "transformers.modeling_utils", "transformers.models.auto.modeling_auto",
    "transformers.models.llama.modeling_llama", "lm_eval.evaluator", "lm_eval.tasks",
    "lm_eval.models.huggingface", "lm_eval.__main__", "datasets", "sklearn.linear_model",
    "sklearn.isotonic", "matplotlib.pyplot", "matplotlib.backends.backend_svg",
    "matplotlib.backends.backend_agg", "pandas", "scipy.stats", "torch._dynamo",
)  # fmt: skip
PACKAGES = (
    "apprehend.benchmark.cli",
    "apprehend.benchmark.engines.hf",
    "apprehend.benchmark.engines.shared",
    "apprehend.benchmark.reporting",
    "apprehend.benchmark.run",
    "apprehend.benchmark.score",
    "apprehend.estimators",
    "apprehend.reports",
    "apprehend.tasks",
)
REQUEST_BYTES = 1 << 20


class ForkServer:
    """A process that has imported the libraries and forks one process per command."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="apprehend-")
        self.address = str(Path(self._folder.name) / "socket")
        self.environment = dict(environment)
        self._process = subprocess.Popen(
            [sys.executable, __file__, self.address],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("the process that runs commands did not start")
        atexit.register(self.stop)

    def stop(self) -> None:
        """End the server; commands that run are not touched."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def run(
        self, module: str, arguments: Sequence[str], timeout: float, cwd: Path | None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m module arguments`` as `subprocess.run` does with its output captured."""
        request = {"module": module, "arguments": list(arguments), "cwd": str(cwd or Path.cwd())}
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as errors,
            socket.socket(socket.AF_UNIX) as connection,
        ):
            connection.connect(self.address)
            socket.send_fds(
                connection, [json.dumps(request).encode()], [out.fileno(), errors.fileno()]
            )
            connection.shutdown(socket.SHUT_WR)
            replies = connection.makefile()
            pid = int(replies.readline())
            connection.settimeout(timeout)
            try:
                status = int(replies.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout) from None
            texts = []
            for file in (out, errors):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(list(arguments), status, *texts)


def _serve(address: str) -> None:
    from apprehend.benchmark.cli.main import _quiet_libraries

    _quiet_libraries(False)
    for name in LIBRARIES:
        importlib.import_module(name)
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, name + "."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        gc.collect()
        gc.freeze()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                break
            connection.close()
    _answer(connection)


def _answer(connection: socket.socket) -> None:
    """Run one command in a fork of this fork, which waits for it and reports how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 2)
    pid = os.fork()
    if pid:
        connection.sendall(f"{pid}\n".encode())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(f"{status}\n".encode())
        os._exit(0)
    connection.close()
    for descriptor, file in enumerate(files, 1):
        os.dup2(file, descriptor)
        os.close(file)
    _run(json.loads(request))


def _run(request: dict[str, str | list[str]]) -> None:
    os.chdir(str(request["cwd"]))
    sys.argv = [str(request["module"]), *request["arguments"]]
    if request["module"] == "lm_eval":
        from lm_eval.__main__ import cli_evaluate
        from lm_eval.tasks import TaskManager

        # Its own 13,000 task files take ten seconds to read, and the tests name none of them.
        TaskManager.__init__ = functools.partialmethod(  # type: ignore[assignment]
            TaskManager.__init__, include_defaults=False
        )
        cli_evaluate()
    else:
        from apprehend.benchmark.cli.main import main

        main()


if __name__ == "__main__":
    _serve(sys.argv[1])
