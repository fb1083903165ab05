"""Import 200,000 rows by CSV, JSON Lines and Parquet: seconds and memory.

    python tests/performance/import_case.py [ROWS]

Each import runs as its own process; the bars are 60 s and 2 GB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

OPTIONS = ("--id", "id", "--topic", "topic", "--answer", "gold", "--prediction", "said",
           "--option_probs", "probs", "--confidence", "stated=confidence")  # fmt: skip
CODE = """
import resource, sys
from apprehend.benchmark.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)
    raise
"""


def write(folder: Path, rows: int) -> None:
    """Write the same answers to four options in three formats."""
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(4), size=rows).round(6)
    letters = np.array(list("ABCD"))
    frame = pd.DataFrame({
        "id": [f"q-{i:06d}" for i in range(rows)], "topic": rng.choice(["law", "math"], rows),
        "gold": rng.choice(letters, rows), "said": letters[probs.argmax(axis=1)],
        "confidence": probs.max(axis=1), "probs": probs.tolist(),
    })  # fmt: skip
    frame.to_parquet(folder / "t.parquet")
    frame.to_json(folder / "t.jsonl", orient="records", lines=True)
    frame.assign(probs=frame.probs.map(json.dumps)).to_csv(folder / "t.csv", index=False)


def main() -> None:
    """Print a line per format."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        for file in ("t.csv", "t.jsonl", "t.parquet"):
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", CODE, "import", "table", folder / file, "--model", file,
                 *OPTIONS, "--output_path", folder / "results"],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            seconds = time.perf_counter() - began
            cpu, gigabytes = map(float, done.stdout.split()[-2:])
            sys.stdout.write(
                f"{file}: {rows:,} rows in {seconds:.1f} s ({cpu:.1f} s of processor time), "
                f"{gigabytes:.2f} GB\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
