"""All probes, found in the files of this folder that are called ``…_probe``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

from ....estimators.signals.batch import Need, Signal
from ...console.errors import UsageError
from ...engines.shared.abilities import withheld_by
from .probe import AnyProbe

Probes = Mapping[tuple[Signal, str], type[AnyProbe]]


@cache
def all_probes() -> Probes:
    """(signal, variant) → the probe that collects it."""
    return {(cls.signal, variant): cls for cls in _found() for variant in cls.variants}


def _found() -> Iterator[type[AnyProbe]]:
    for file in sorted(Path(__file__).parent.glob("*_probe.py")):
        module = import_module(f"{__package__}.{file.stem}")
        for cls in vars(module).values():
            own = isinstance(cls, type) and cls.__module__ == module.__name__
            if own and issubclass(cls, AnyProbe) and not inspect.isabstract(cls):
                yield cls


def probed_signals() -> set[Signal]:
    """Signals that a probe collects."""
    return {signal for signal, _ in all_probes()}


def wanted_probes(needs: Sequence[Need], outcome: Signal) -> list[tuple[Signal, str]]:
    """(signal, variant) that the needs name and that a task with this outcome can give."""
    probes = all_probes()
    found: dict[tuple[Signal, str], None] = {}
    for need in needs:
        for signal in need.signals & probed_signals():
            known = [variant for other, variant in probes if other is signal]
            for name in [need.variant] if need.variant else known:
                if name not in known:
                    raise UsageError(
                        f"signal {signal} has no variant {name!r}, known: {', '.join(known)}"
                    )
                if probes[signal, name].outcome is outcome:
                    found[signal, name] = None
    return list(found)


def withheld_signal(engine: str, signal: Signal) -> str | None:
    """Why an engine of this name cannot give a signal; None where it can, or no probe says."""
    withheld = withheld_by(engine)
    asked = {cls.ability for (other, _), cls in all_probes().items() if other is signal}
    return withheld[next(iter(asked))] if asked and asked <= withheld.keys() else None
