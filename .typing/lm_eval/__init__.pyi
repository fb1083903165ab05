# The part of lm-eval that apprehend uses, for the type checker.
from collections.abc import Mapping, Sequence

from .api.model import LM
from .api.task import Task

def evaluate(
    lm: LM,
    task_dict: Mapping[str, Task],
    *,
    samples: Mapping[str, Sequence[int]] | None = ...,
    apply_chat_template: bool = ...,
    fewshot_as_multiturn: bool = ...,
    system_instruction: str | None = ...,
    bootstrap_iters: int = ...,
    log_samples: bool = ...,
) -> object: ...
