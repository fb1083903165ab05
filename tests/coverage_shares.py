"""Combine what `make coverage` measured, and print the share of lines run in every folder."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def shares(files: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """Sum the lines of each folder, of each top folder and of all.

    Args:
        files: path → its entry in the JSON report of coverage.py.

    Returns:
        (folder, lines run, lines), sorted by folder; a top folder includes those inside it, and
        ``all`` comes last.
    """
    run: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for path, entry in files.items():
        folder = Path(path).parent
        for name in {folder.as_posix(), folder.parts[0], "all"}:
            run[name] += entry["summary"]["covered_lines"]
            lines[name] += entry["summary"]["num_statements"]
    return [(name, run[name], lines[name]) for name in sorted(lines, key=lambda n: (n == "all", n))]


def main() -> None:
    from coverage import Coverage

    measured = Coverage(config_file=str(ROOT / "pyproject.toml"))
    measured.load()
    report = ROOT / "build" / "coverage" / "coverage.json"
    measured.json_report(outfile=str(report))
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    for folder, run, lines in shares(files):
        share = run / lines if lines else 1.0
        sys.stdout.write(f"{folder:<32} {run:>6} of {lines:>6} lines  {share:6.1%}\n")


if __name__ == "__main__":
    main()
