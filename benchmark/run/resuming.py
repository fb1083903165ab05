"""Going on with what is stored, or refusing to: the modes of ``--overwrite``."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from ...estimators.core.estimator import Estimator
from ...estimators.signals.batch import Signal
from ..console.errors import UsageError
from ..console.options import say
from ..store import manifest as manifests
from ..store.contract import complete
from ..store.store_folder import MANIFEST
from .collecting import check_stored
from .plan import Family, Overwrite, RunOptions
from .probing import wanted_probes


def go_on(family: Family) -> None:
    """Take the stored manifest over, if there is one.

    Raises UsageError where what is stored was collected in another way.
    """
    stored = family.store.manifest
    if stored:
        manifests.check_agreement(family.store, family.manifest)
        wanted = family.manifest
        family.manifest = {**stored, "updated": manifests.now()}
        complete(family.manifest, wanted)


def take_over(options: RunOptions, families: Sequence[Family], locks: contextlib.ExitStack) -> None:
    """Become the only writer of the stores, and do with what they hold as the options say."""
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
            go_on(family)


def missing_from_cache(
    options: RunOptions,
    families: Sequence[Family],
    estimators: Sequence[Estimator],
    questionnaires: Sequence[str],
) -> list[str]:
    """One sentence for each store that lacks something of what was asked for.

    Raises UsageError where what is stored was made under other settings.
    """
    needs = [need for estimator in estimators for need in estimator.requirements()]
    problems = []
    for family in families:
        check_stored(options, family, estimators, questionnaires)
        ids = set(family.ids)
        wanted = [(family.signal, ""), *wanted_probes(needs, family.signal)]
        lacking = {
            f"{signal.value} {variant}".strip(): len(ids - family.store.done(signal, variant))
            for signal, variant in wanted
        }
        judged = family.store.variants(Signal.JUDGEMENT)
        lacking |= {f"judgement {name}": len(ids) for name in questionnaires if name not in judged}
        shown = [f"{name} of {count} questions" for name, count in lacking.items() if count]
        if shown:
            problems.append(
                f"{family.store.path} lacks {', '.join(shown)} (--overwrite only-cache)"
            )
    return problems
