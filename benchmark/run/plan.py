"""What a run is going to do: the questions of each store, and what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...estimators.core.estimator import Estimator
from ..score.estimator_choice import expand_specs
from .asking.task_loading import LoadedTask
from .families import Family, group_by_store
from .needs import needed_questionnaires
from .run_options import RunOptions
from .sharding import Shard, sharded, with_device


@dataclass
class Plan:
    """A run's options, and what follows from them before a model is loaded."""

    options: RunOptions
    families: Sequence[Family]
    """The questions by store; of a shard, its own questions in its own stores."""
    specs: list[str] | None
    """The chosen estimators as they were named; None for all that the signals suffice for."""
    estimators: Sequence[Estimator]
    questionnaires: Sequence[str]
    """What judges are asked."""
    results: Path
    """The results folder, of which a shard's own one is a part."""

    @property
    def is_shard(self) -> bool:
        """Whether other processes collect other questions, so that scores must wait for them."""
        return self.options.shard is not None


def make_plan(
    options: RunOptions, estimators: Sequence[Estimator] | None, tasks: Sequence[LoadedTask]
) -> Plan:
    """What to collect of the tasks' questions, and where it goes.

    Raises UsageError where an estimator cannot get what it needs, or where what is stored was
    collected in another way.
    """
    specs = expand_specs(options.estimators)
    families = group_by_store(options, tasks)
    questionnaires = needed_questionnaires(options, estimators, families)
    results = options.output_path
    if options.shard is not None:
        shard = Shard(*options.shard)
        families = sharded(families, shard, results)
        options = with_device(options, shard)
    return Plan(options, families, specs, estimators or [], questionnaires, results)
