"""Names of the packaged tasks."""

from __future__ import annotations

from . import mmlu_pro
from .topics import TOPICS, topic_slug


def known_tasks() -> dict[str, tuple[str, str | None]]:
    """Name of every packaged group and task → its group, its topic (None for the group)."""
    names: dict[str, tuple[str, str | None]] = {}
    for group in mmlu_pro.STYLES:
        names[group] = (group, None)
        names |= {f"{group}_{topic_slug(topic)}": (group, topic) for topic in TOPICS}
    return names
