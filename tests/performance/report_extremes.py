"""Reports of extreme sizes: a thousand topics, and sixty models.

    python tests/performance/report_extremes.py [topics] [models] [--estimators 10] [--keep FOLDER]

Prints for each the seconds, the most memory that `apprehend report` and its processes held
together, the size of the page, and that of all files.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from command_cost import command_cost
from report_case import write_report_case


@dataclass(frozen=True)
class Extreme:
    """A results folder: so many models on so many questions in so many topics."""

    models: int
    topics: int
    questions: int
    estimators: int = 10

    def said(self) -> str:
        """The size in words."""
        return (
            f"{self.models} models, {self.topics} topics, {self.questions} questions, "
            f"{self.estimators} estimators"
        )


EXTREMES = {"topics": Extreme(1, 1000, 200_000), "models": Extreme(60, 16, 12_000)}


@dataclass(frozen=True)
class Cost:
    """What a report took and wrote: seconds, and bytes."""

    seconds: float
    memory: int
    page: int
    """The largest HTML file."""
    files: int
    number: int


def write_extreme(folder: Path, extreme: Extreme) -> Path:
    """A results folder of that size; one that is there already is used again."""
    for model in range(extreme.models):
        name = f"model_{model:02d}"
        if not (folder / name).is_dir():
            write_report_case(
                folder, extreme.questions, extreme.estimators, extreme.topics, name, model
            )
    return folder


def report_cost(results: Path, output: Path, replicates: int = 1000) -> Cost:
    """Run `apprehend report` and measure it."""
    command = ["report", str(results), "--output_path", str(output)]
    seconds, memory = command_cost([*command, "--replicates", str(replicates)])
    files = [path for path in output.rglob("*") if path.is_file()]
    sizes = sum(path.stat().st_size for path in files)
    page = max(path.stat().st_size for path in files if path.suffix == ".html")
    return Cost(seconds, memory, page, sizes, len(files))


def main() -> None:
    """Write the folders, report on them, print what it took."""
    parser = argparse.ArgumentParser(description="Measure reports of extreme sizes.")
    parser.add_argument("names", nargs="*", default=list(EXTREMES), help=", ".join(EXTREMES))
    parser.add_argument("--estimators", type=int, default=10)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="folder for the results, used again")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="apprehend-extremes-") as temporary:
        root = chosen.keep or Path(temporary)
        for name in chosen.names:
            extreme = replace(EXTREMES[name], estimators=chosen.estimators)
            results = write_extreme(root / name, extreme)
            output = root / f"{name}_report"
            shutil.rmtree(output, ignore_errors=True)
            cost = report_cost(results, output, chosen.replicates)
            sys.stdout.write(
                f"{name}: {extreme.said()}: {cost.seconds:.0f} s, {cost.memory / 1e9:.2f} GB of "
                f"memory, page {cost.page / 1e6:.1f} MB, {cost.number} files of "
                f"{cost.files / 1e6:.0f} MB\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
