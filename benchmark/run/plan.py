"""The plan of a run: the questions of each store, and what to collect for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...estimators.core.estimator import Estimator
from ..score.estimator_choice import expand_specs
from .asking.loaded_task import LoadedTask
from .families import Family, group_by_store
from .needs import check_whole_texts, needed_questionnaires
from .run_options import RunOptions
from .sharding import Shard, sharded, with_device


@dataclass
class Plan:
    """A run's options, and what follows from them before a model is loaded."""

    options: RunOptions
    families: Sequence[Family]
    """The questions by store; for a shard, its own questions in its own stores."""
    specs: list[str] | None
    """The chosen estimators by name; None for all whose signals are available."""
    estimators: Sequence[Estimator]
    questionnaires: Sequence[str]
    """The questionnaires for the judges."""
    results: Path
    """The results folder, which also contains a shard's own folder."""

    @property
    def is_shard(self) -> bool:
        """Return whether this process collects one shard; scores wait for the merge of all."""
        return self.options.shard is not None


def make_plan(
    options: RunOptions, estimators: Sequence[Estimator] | None, tasks: Sequence[LoadedTask]
) -> Plan:
    """Plan what to collect for the tasks' questions, and where to store it.

    Raises UsageError if an estimator cannot get what it needs, or if stored signals were
    collected under other settings.
    """
    specs = expand_specs(options.estimators)
    families = group_by_store(options, tasks)
    check_whole_texts(options, families)
    questionnaires = needed_questionnaires(options, estimators, families)
    results = options.output_path
    if options.shard is not None:
        shard = Shard(*options.shard)
        families = sharded(families, shard, results)
        options = with_device(options, shard)
    return Plan(options, families, specs, estimators or [], questionnaires, results)
