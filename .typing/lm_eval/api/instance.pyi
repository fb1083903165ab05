from typing import Any

class Instance:
    task_name: str
    doc: Any
    doc_id: int
    args: tuple[Any, ...]
    def __init__(
        self,
        request_type: str,
        doc: object,
        arguments: tuple[Any, ...],
        idx: int,
        metadata: tuple[str, int, int],
    ) -> None: ...
