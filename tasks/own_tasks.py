"""The tasks of a data set of one's own: the styles of ``mmlu_pro.STYLES`` over the file's topics.

They are named after the data set, never after MMLU-Pro: ``medqa_direct`` asks all its questions,
``medqa_direct_surgery`` those of a topic; ``direct`` and ``direct_surgery`` are short for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from .data_sets.data_set import read_data_set
from .data_sets.naming import slugs
from .data_sets.understood import DataSet
from .dataset import EMBEDDED, load_dataset
from .mmlu_pro import STYLES, only_topic, render_system, style_name, task_functions
from .topics import TOPICS

CONFIG_FOLDER = Path(__file__).parent / "configs"
SHORT = "mmlu_pro_"
"""What the names of our own groups begin with; the rest is the style."""


@dataclass(frozen=True)
class OwnTasks:
    """The tasks of a data set.

    Attributes:
        data_set: Its questions, and how they were understood.
        data: Its file, as given.
        data_columns: What its columns are, as given.
    """

    data_set: DataSet
    data: str
    data_columns: str | None

    @cached_property
    def topics(self) -> Mapping[str, str]:
        """Return topic → its part of a task's name, in alphabetical order."""
        return slugs(sorted(self.data_set.topics))

    def names(self) -> Mapping[str, tuple[str, str | None]]:
        """Return every name of a group or task → (group, topic); topic None for a group."""
        return self._names

    @cached_property
    def _names(self) -> dict[str, tuple[str, str | None]]:
        names: dict[str, tuple[str, str | None]] = {}
        for style in STYLES:
            short = style.removeprefix(SHORT)
            group = f"{self.data_set.name}_{short}"
            for topic, slug in self.topics.items():
                names |= {f"{start}_{slug}": (group, topic) for start in (short, group)}
        for style in STYLES:
            short = style.removeprefix(SHORT)
            group = f"{self.data_set.name}_{short}"
            names |= dict.fromkeys((short, style, group), (group, None))
        return names

    def leaves(self, group: str, topic: str | None) -> list[str]:
        """Return the names of a group's tasks, or that of one topic."""
        chosen = self.topics if topic is None else {topic: self.topics[topic]}
        return [f"{group}_{slug}" for slug in chosen.values()]

    def config(self, name: str, fewshot_data: str | None) -> dict[str, Any]:
        """Return the configuration of one topic's task, for lm-eval."""
        group, topic = self.names()[name]
        assert topic is not None
        style = style_name(group)
        system = render_system(topic, STYLES[style])
        return {
            **_template(style),
            "task": name,
            "task_alias": topic,
            "dataset_path": self.data_set.name,
            "custom_dataset": lambda **_: load_dataset(self.data, fewshot_data, self.data_columns),
            "process_docs": partial(only_topic, topic=topic),
            "description": system + "\n\n",
        }


def own_tasks(data: str | None, data_columns: str | None = None) -> OwnTasks | None:
    """Return the tasks of a file, or None for what is asked as MMLU-Pro.

    That is the hub's data set, the embedded sample, and a file with MMLU-Pro's columns whose topics
    are MMLU-Pro's.

    Raises:
        DataError: the file or a row of it is invalid.
    """
    if data is None or data == EMBEDDED:
        return None
    data_set = read_data_set(Path(data), data_columns)
    schema = data_set.preset.name if data_set.preset is not None else ""
    if schema == "mmlu_pro" and not data_columns and set(data_set.topics) <= set(TOPICS):
        return None
    return OwnTasks(data_set, data, data_columns)


@lru_cache(maxsize=8)
def _template(style: str) -> dict[str, Any]:
    """Read the template of a style's tasks, with the functions that it names."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads ``!function module.name`` as our function of that name."""

    def function(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
        return _function(str(loader.construct_scalar(node)).rpartition(".")[2])

    Loader.add_constructor("!function", function)
    text = (CONFIG_FOLDER / style / "_template_yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = Loader(text).get_single_data()
    return read


def _function(name: str) -> object:
    from . import mmlu_pro

    return task_functions().get(name) or getattr(mmlu_pro, name)
