from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from ..api.model import LM

class VLLM(LM):
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    hf_chat_template: str | None
    def __init__(self, **arguments: Any) -> None: ...
    prefix_token_id: int
    def tok_encode(self, string: str, add_special_tokens: bool | None = ...) -> list[int]: ...
    def _model_generate(
        self, requests: Sequence[list[int]], generate: bool, sampling_params: Sequence[object]
    ) -> Sequence[Any]: ...
