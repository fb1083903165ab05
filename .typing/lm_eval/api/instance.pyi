from collections.abc import Mapping
from typing import Any

class Instance:
    task_name: str
    doc: dict[str, Any]
    doc_id: int
    args: tuple[Any, ...]
    def __init__(
        self,
        request_type: str,
        doc: Mapping[str, Any],
        arguments: tuple[Any, ...],
        idx: int,
        metadata: tuple[str, int, int],
    ) -> None: ...
