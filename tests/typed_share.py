"""Share of expressions whose type is known, from the report of ``mypy --any-exprs-report``.

``make check`` calls it after mypy. Ends with status 1 below the share that is promised.
"""

from __future__ import annotations

import sys
from pathlib import Path

LEAST = 98.0
"""Percent of all expressions of the project that are not ``Any``."""


def share(report: Path) -> float:
    """Percent of expressions that are not ``Any``, by the last line of ``any-exprs.txt``."""
    name, unknown, count, _ = report.read_text(encoding="utf-8").splitlines()[-1].split()
    if name != "Total":
        raise ValueError(f"{report}: expected a last line with the total, got {name!r}")
    return 100.0 * (1.0 - int(unknown) / int(count))


def main() -> None:
    """Say the share, and end with status 1 where it is too small."""
    found = share(Path(sys.argv[1]))
    sys.stdout.write(f"{found:.2f} % of expressions are typed (at least {LEAST:g} %)\n")
    sys.exit(found < LEAST)


if __name__ == "__main__":
    main()
