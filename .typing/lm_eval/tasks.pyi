from collections.abc import Mapping, Sequence
from typing import TypedDict

from .api.task import Task

class Loaded(TypedDict):
    tasks: dict[str, Task]

class TaskManager:
    all_tasks: list[str]
    def __init__(
        self,
        include_path: Sequence[str] | None = ...,
        include_defaults: bool = ...,
        metadata: Mapping[str, object] | None = ...,
    ) -> None: ...
    def load(self, names: Sequence[str]) -> Loaded: ...
