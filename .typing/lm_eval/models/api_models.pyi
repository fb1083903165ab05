from collections.abc import Mapping
from typing import Any

from ..api.model import LM

class TemplateAPI(LM):
    base_url: str
    def _create_payload(
        self,
        messages: object,
        generate: bool = ...,
        gen_kwargs: Mapping[str, object] | None = ...,
        seed: int = ...,
        eos: str | None = ...,
    ) -> dict[str, Any]: ...
