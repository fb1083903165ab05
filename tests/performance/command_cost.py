"""What a command of ``apprehend`` takes: seconds, and the memory of all its processes together."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence


def command_cost(command: Sequence[str]) -> tuple[float, int]:
    """Seconds, and the most bytes that the command and its processes held together.

    What processes share counts once, where the system tells (Linux).
    """
    import psutil

    program = [sys.executable, "-m", "apprehend.benchmark", *command]
    began = time.perf_counter()
    peak = 0
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=errors) as running,
    ):
        whole = psutil.Process(running.pid)
        while running.poll() is None:
            held = 0
            with contextlib.suppress(psutil.Error):
                for one in (whole, *whole.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        memory = one.memory_full_info()
                        held += getattr(memory, "pss", memory.uss)
            peak = max(peak, held)
            time.sleep(0.3)
        took = time.perf_counter() - began
        if running.returncode:
            errors.seek(0)
            sys.exit(f"bench: {' '.join(command)} failed\n{errors.read().decode()}")
    return took, peak
