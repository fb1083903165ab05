"""Fuzzing guided by coverage: atheris changes the seeds wherever that reaches new code.

    python tests/fuzz_guided.py SECONDS [TARGET …]

Each target gets so many seconds; as many run at a time as there are processors (or as
APPREHEND_FUZZ_JOBS says). Prints a line per target, and ends with status 1 where one crashed: its
input is left in ``build/fuzz/`` with what the target said.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = ROOT / ".venv" / "fuzz"
FOUND = ROOT / "build" / "fuzz"


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["apprehend"]):
        from fuzz_targets import TARGETS
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for number, seed in enumerate(target.seeds):
            (seeds / str(number)).write_bytes(seed)
        longest = max(4096, 2 * max(map(len, target.seeds)))
        options = [
            *(f"-max_total_time={seconds}", f"-max_len={longest}", "-timeout=20"),
            f"-artifact_prefix={FOUND / name}-",
        ]
        atheris.Setup([sys.argv[0], *options, str(seeds)], target.make(Path(folder)))
        atheris.Fuzz()


def fuzz_apart(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own; gives whether it held."""
    program = [sys.executable, __file__, "--one", name, str(seconds)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    runs = re.search(r"Done (\d+) runs", done.stderr)
    held = done.returncode == 0 and runs is not None
    if held and runs is not None:
        sys.stdout.write(f"{name}: {int(runs[1]):,} inputs in {seconds} s, no crash\n")
    else:
        (FOUND / f"{name}.log").write_text(done.stdout + done.stderr)
        sys.stdout.write(f"{name}: FAILED, see {FOUND}/{name}.log\n")
    sys.stdout.flush()
    return held


def main() -> int:
    """As the module says."""
    sys.path[:0] = [str(ROOT / "tests"), str(INSTALLED)]
    FOUND.mkdir(parents=True, exist_ok=True)
    if sys.argv[1] == "--one":
        fuzz(sys.argv[2], int(sys.argv[3]))
        return 0
    from fuzz_targets import TARGETS

    seconds, names = int(sys.argv[1]), sys.argv[2:] or list(TARGETS)
    jobs = int(os.environ.get("APPREHEND_FUZZ_JOBS") or os.cpu_count() or 1)
    with ThreadPoolExecutor(jobs) as pool:
        return 0 if all(list(pool.map(lambda name: fuzz_apart(name, seconds), names))) else 1


if __name__ == "__main__":
    sys.exit(main())
