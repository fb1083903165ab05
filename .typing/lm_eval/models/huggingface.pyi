from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..api.model import LM

class HFLM(LM):
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    think_end_token: str | int | None
    def __init__(self, **arguments: Any) -> None: ...
    prefix_token_id: int
    def tok_encode(self, string: str, add_special_tokens: bool | None = ...) -> list[int]: ...
