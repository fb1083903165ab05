from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datasets import Dataset, DatasetDict

from .instance import Instance

class TaskConfig:
    task: str
    dataset_path: str | None
    dataset_name: str | None
    training_split: str | None
    validation_split: str | None
    test_split: str | None
    fewshot_split: str | None

class Task:
    VERSION: int | str
    config: TaskConfig
    dataset: DatasetDict
    @property
    def eval_docs(self) -> Dataset: ...
    def fewshot_docs(self) -> Sequence[dict[str, Any]] | None: ...
    def get_config(self, key: str) -> Any: ...
    def set_config(self, key: str, value: object) -> None: ...
    def set_fewshot_seed(self, seed: int | None = ...) -> None: ...
    def doc_to_text(self, doc: Mapping[str, object]) -> str | int: ...
    def doc_to_choice(self, doc: Mapping[str, object]) -> Sequence[str]: ...
    def doc_to_target(self, doc: Mapping[str, object]) -> int | str | list[int | str]: ...
    def doc_to_prefix(self, doc: Mapping[str, object]) -> str | None: ...
    def construct_requests(
        self,
        doc: Mapping[str, object],
        ctx: str | list[str],
        *,
        metadata: tuple[str, int, int],
        apply_chat_template: bool = ...,
        chat_template: Callable[..., str] | None = ...,
    ) -> list[Instance]: ...
    def fewshot_context(
        self,
        doc: Mapping[str, object],
        num_fewshot: int,
        system_instruction: str | None = ...,
        apply_chat_template: bool = ...,
        fewshot_as_multiturn: bool = ...,
        chat_template: Callable[..., str] | None = ...,
        gen_prefix: str | None = ...,
    ) -> str | list[str]: ...

class ConfigurableTask(Task):
    download: Callable[..., None]

    def __init__(self, *, config: Mapping[str, Any] | None = None) -> None: ...
