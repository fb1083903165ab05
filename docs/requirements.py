"""Print the packages that build the documentation: the extra ``docs`` of pyproject.toml."""

from __future__ import annotations

import sys
from importlib.metadata import requires


def main() -> None:
    """Print one line of requirements without their markers."""
    listed = [line.split(";") for line in requires("apprehend") or ()]
    sys.stdout.write(" ".join(name.strip() for name, *more in listed if "docs" in "".join(more)))


if __name__ == "__main__":
    main()
