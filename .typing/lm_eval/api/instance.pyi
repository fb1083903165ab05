from typing import Any

from apprehend.tasks.question_row import Row

class Instance:
    task_name: str
    doc: Row
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
