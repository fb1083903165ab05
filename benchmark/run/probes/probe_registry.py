"""The registry of probes, declared in this folder's modules named ``…_probe``."""

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
    """Return all probes, by signal and variant."""
    return {(cls.signal, variant): cls for cls in _declared() for variant in cls.variants}


def _declared() -> Iterator[type[AnyProbe]]:
    for file in sorted(Path(__file__).parent.glob("*_probe.py")):
        module = import_module(f"{__package__}.{file.stem}")
        for cls in vars(module).values():
            own = isinstance(cls, type) and cls.__module__ == module.__name__
            if own and issubclass(cls, AnyProbe) and not inspect.isabstract(cls):
                yield cls


def probed_signals() -> set[Signal]:
    """Return the signals that a probe collects."""
    return {signal for signal, _ in all_probes()}


def wanted_probes(needs: Sequence[Need], outcome: Signal) -> list[tuple[Signal, str]]:
    """Return the (signal, variant) that the needs name and a task of this outcome supports.

    Each comes behind those that its probe requires.
    """
    probes = all_probes()
    wanted: dict[tuple[Signal, str], None] = {}
    for need in needs:
        for signal in need.signals & probed_signals():
            known = [variant for other, variant in probes if other is signal]
            for name in [need.variant] if need.variant else known:
                if name not in known:
                    raise UsageError(
                        f"signal {signal} has no variant {name!r}, known: {', '.join(known)}"
                    )
                if probes[signal, name].outcome is outcome:
                    wanted |= dict.fromkeys([*probes[signal, name].requires, (signal, name)])
    return list(wanted)


def withheld_signal(engine: str, signal: Signal, variant: str = "") -> str | None:
    """Return why an engine of this name cannot give a signal; None if it can or is not needed.

    Without a variant the answer is about all of them.
    """
    withheld = withheld_by(engine)
    probes = {name: cls for (other, name), cls in all_probes().items() if other is signal}
    chosen = [probes[variant]] if variant in probes else list(probes.values())
    abilities = {cls.ability for cls in chosen}
    return withheld[next(iter(abilities))] if abilities and abilities <= withheld.keys() else None
