"""Lock a plan's stores, and resume or empty them as ``--overwrite`` says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from ..console.errors import UsageError
from ..console.options import say
from ..store.store_folder import MANIFEST
from .families import Family
from .option_values import Overwrite
from .plan import Plan
from .run_options import RunOptions
from .sharding import copy_stored


@contextlib.contextmanager
def stores_held(plan: Plan) -> Iterator[None]:
    """Lock the plan's stores inside this block, resumed or emptied as the options say.

    A shard's stores get copies of the matching rows in the results. ``only-cache`` writes no
    signal, and locks nothing.

    Raises UsageError if stored signals must not be touched, ApprehendError if another process is
    writing a store.
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
    """Lock the stores, and resume or empty them as the options say."""
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
            contents = [store.path / MANIFEST, store.path / "signals"]
            existing = [path for path in contents if path.exists()]
            if existing:
                say(f"{store.path}: stored signals are set aside in {store.set_aside(existing)}")
        else:
            locks.enter_context(store.writing())
            family.resume()
