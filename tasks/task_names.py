"""Names of the packaged tasks."""

from __future__ import annotations

from . import mmlu_pro
from .topics import TOPICS, topic_slug


def known_tasks() -> dict[str, tuple[str, str | None]]:
    """Return the name of every packaged group and task → (group, topic); topic None for a group."""
    names: dict[str, tuple[str, str | None]] = {}
    for group in mmlu_pro.STYLES:
        names[group] = (group, None)
        names |= {f"{group}_{topic_slug(topic)}": (group, topic) for topic in TOPICS}
    return names
