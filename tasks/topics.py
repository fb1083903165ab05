"""The 14 topics of MMLU-Pro, and the labels of options."""

from __future__ import annotations

import string

TOPICS: tuple[str, ...] = (
    "biology",
    "business",
    "chemistry",
    "computer science",
    "economics",
    "engineering",
    "health",
    "history",
    "law",
    "math",
    "other",
    "philosophy",
    "physics",
    "psychology",
)
"""Values of the dataset's ``category`` column, in alphabetical order."""

LETTERS: tuple[str, ...] = tuple(string.ascii_uppercase)
"""Labels of the default style: the option at index i is ``LETTERS[i]``."""

DONT_KNOW_LABEL = "Z"
"""Label that the don't-know variant reserves; no question has 26 options."""

MAX_OPTIONS = 25
"""Maximum number of options, so that ``DONT_KNOW_LABEL`` stays free."""


def topic_slug(topic: str) -> str:
    """Convert a topic's name to the form that task names have.

    Args:
        topic: For example ``"computer science"``.

    Returns:
        For example ``"computer_science"``.
    """
    return topic.replace(" ", "_")


def letters(count: int) -> list[str]:
    """Return the labels of the default style.

    Args:
        count: Number of options, 0 to 26.

    Returns:
        ``["A", "B", …]``.
    """
    return list(LETTERS[:count])


def numbers(count: int) -> list[str]:
    """Return the labels of the reference paper's style.

    Args:
        count: Number of options.

    Returns:
        ``["1", "2", …]``.
    """
    return [str(i + 1) for i in range(count)]
