"""Becoming the only writer of a plan's stores: the modes of ``--overwrite``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from ..console.errors import UsageError
from ..console.options import say
from ..store.store_folder import MANIFEST
from .families import Family
from .plan import Plan
from .run_options import Overwrite, RunOptions
from .sharding import copy_stored


@contextlib.contextmanager
def stores_held(plan: Plan) -> Iterator[None]:
    """Hold the plan's stores for as long as the block lasts, resumed or emptied as the options
    say; a shard's get copies of what the results hold. ``only-cache`` writes no signal, and holds
    nothing.

    Raises UsageError where what is stored must stay as it is, ApprehendError where another process
    writes it.
    """
    with contextlib.ExitStack() as locks:
        if plan.is_shard or plan.options.overwrite is not Overwrite.ONLY_CACHE:
            _take_over(plan.options, plan.families, locks)
        if plan.is_shard:
            for family in plan.families:
                copy_stored(family, plan.results)
        yield


def _take_over(
    options: RunOptions, families: Sequence[Family], locks: contextlib.ExitStack
) -> None:
    """Lock the stores, and do with what they hold as the options say."""
    for family in families:
        store = family.store
        if options.overwrite is Overwrite.NEVER and store.manifest:
            raise UsageError(
                f"{store.path} exists already and --overwrite is never; use another --output_path "
                "or --model_name"
            )
    for family in families:
        store = family.store
        if options.overwrite is Overwrite.ALWAYS:
            locks.enter_context(store.writing_damaged())
            held = [store.path / MANIFEST, store.path / "signals"]
            found = [path for path in held if path.exists()]
            if found:
                say(f"{store.path}: what was stored is set aside in {store.set_aside(found)}")
        else:
            locks.enter_context(store.writing())
            family.resume()
