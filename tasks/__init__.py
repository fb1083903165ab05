"""What is asked: lm-eval task configurations, topics, prompts, the embedded sample."""

from .data_errors import DataError
from .topics import DONT_KNOW_LABEL, LETTERS, TOPICS, letters, numbers, topic_slug

__all__ = ["DONT_KNOW_LABEL", "LETTERS", "TOPICS", "DataError", "letters", "numbers", "topic_slug"]
