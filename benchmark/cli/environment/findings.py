"""Findings about the machine, each with what it is needed for."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

EXTRAS = {
    "judges": "models and judges behind endpoints",
    "hf": "models in this process, and the demo",
    "vllm": "--model vllm",
}
"""Extra of the package → what its packages are for."""
HUB = "https://huggingface.co"
SECONDS = 5.0
"""Time that the hub has to answer."""
GIBIBYTE = 2**30


@dataclass(frozen=True)
class Finding:
    """What was found, and whether it will do.

    Attributes:
        subject: what was looked at.
        found: what is there.
        status: "ok"; "missing", without which nothing works; or "optional", without which
            something else is left out.
        advice: what is left out and what to do about it; empty if all is well.
    """

    subject: str
    found: str
    status: str = "ok"
    advice: str = ""


def findings(network: bool = True) -> Iterator[Finding]:
    """Yield the findings: the program, its packages by extra, devices, space, hub, keys, tools.

    Args:
        network: Whether to ask the hub if it can be reached.
    """
    yield _program()
    yield _packages("")
    for extra in EXTRAS:
        yield _packages(extra)
    yield _reader_of_logs()
    yield _device()
    yield _space()
    yield _hub(network)
    yield _keys()
    yield from _tools_of_tests()


def _program() -> Finding:
    found = f"apprehend {version('apprehend')}, Python {platform.python_version()}"
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    advice = "" if platform.system() == "Linux" else "tested on Linux alone"
    return Finding("program", f"{found}, {system}", "ok" if not advice else "optional", advice)


def required_packages(extra: str) -> list[Requirement]:
    """Return the packages that an extra adds to the base, directly; "" for the base itself."""
    listed = [Requirement(text) for text in requires("apprehend") or []]
    chosen = [
        requirement
        for requirement in listed
        if (requirement.marker is None) == (not extra)
        and (requirement.marker is None or requirement.marker.evaluate({"extra": extra}))
    ]
    return [requirement for requirement in chosen if requirement.name != "apprehend"]


def unmet(requirement: Requirement) -> str:
    """Return what is wrong with the installed version of a package; empty if nothing is."""
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if not requirement.specifier.contains(Version(installed), prereleases=True):
        return f"{requirement.name} {installed} is not {requirement.specifier}"
    return ""


def _packages(extra: str) -> Finding:
    needed = required_packages(extra)
    subject = f"packages of [{extra}]" if extra else "packages"
    wrong = [problem for problem in map(unmet, needed) if problem]
    if not wrong:
        shown = needed if extra else []
        names = ", ".join(f"{package.name} {version(package.name)}" for package in shown)
        return Finding(subject, names or f"all {len(needed)} within their bounds")
    name = f"apprehend[{extra}]" if extra else "apprehend"
    advice = f"pip install '{name}'" + (f" brings {EXTRAS[extra]}" if extra else "")
    return Finding(subject, "; ".join(wrong), "optional" if extra else "missing", advice)


def _reader_of_logs() -> Finding:
    if find_spec("inspect_ai") is None:
        advice = "logs of Inspect are read by apprehend's own reader"
        return Finding("inspect_ai", "not installed", "optional", advice)
    return Finding("inspect_ai", version("inspect_ai"))


def _device() -> Finding:
    try:
        import torch
    except ModuleNotFoundError:
        return Finding("device", "torch is not installed", "optional", "no model runs here")
    if torch.cuda.is_available():
        devices = [
            torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())
        ]
        names = [f"{one.name} ({one.total_memory / GIBIBYTE:.0f} GiB)" for one in devices]
        return Finding("device", f"CUDA {torch.version.cuda}: {', '.join(names)}")
    if torch.backends.mps.is_available():
        return Finding("device", "Apple's GPU (mps)")
    built = "torch is built without CUDA" if torch.version.cuda is None else "no CUDA device"
    advice = "models run on the processor: small ones, or an endpoint, or a GPU build of torch"
    return Finding("device", f"{torch.get_num_threads()} threads; {built}", "optional", advice)


def _space() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / GIBIBYTE
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIBIBYTE
    found = f"{pages:.0f} GiB of memory, {free:.0f} GiB free in the current folder"
    if free < 1:
        return Finding("space", found, "optional", "results of a run may not fit")
    return Finding("space", found)


def _hub(network: bool) -> Finding:
    address = os.environ.get("HF_ENDPOINT", HUB)
    advice = "use checkpoints on disk, `--data FILE`, or `--data embedded`"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return Finding("hub", "offline by HF_HUB_OFFLINE", "optional", advice)
    if not network:
        return Finding("hub", "not asked", "optional", advice)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi(endpoint=address).dataset_info("TIGER-Lab/MMLU-Pro", timeout=SECONDS)
    except HfHubHTTPError as error:
        return Finding("hub", f"{address} answers: {_line(error)}", "optional", advice)
    except Exception as error:  # whatever the HTTP library of the hub's client raises
        return Finding("hub", f"{address}: {type(error).__name__}", "optional", advice)
    return Finding("hub", f"{address} answers and has MMLU-Pro")


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _keys() -> Finding:
    names = ("HF_TOKEN", "OPENAI_API_KEY")
    return Finding(
        "keys",
        ", ".join(f"{name} is {'' if os.environ.get(name) else 'not '}set" for name in names),
    )


def _tools_of_tests() -> Iterator[Finding]:
    tools = (
        ("browser", ("chromium", "google-chrome"), "tests of the page skip"),
        ("browser driver", ("chromedriver",), "tests of the page skip"),
        ("LaTeX", ("pdflatex",), "LaTeX tables are written; tests that compile them skip"),
        ("C++ compiler", ("c++", "g++", "clang++"), "torch cannot compile models (compile=True)"),
    )
    for subject, programs, advice in tools:
        path = next(filter(None, map(shutil.which, programs)), None)
        if path is None:
            yield Finding(subject, "not found", "optional", advice)
        else:
            yield Finding(subject, path)
