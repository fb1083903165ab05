from collections.abc import Mapping
from typing import Any

from ..api.model import LM

class TemplateAPI(LM):
    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: Mapping[str, Any], additional_config: Mapping[str, Any] | None = ...
    ) -> TemplateAPI: ...
    base_url: str | None
    header: dict[str, str]
    ca_cert_path: str | None
    verify_certificate: bool
    def _create_payload(
        self,
        messages: object,
        generate: bool = ...,
        gen_kwargs: Mapping[str, object] | None = ...,
        seed: int = ...,
        eos: str | None = ...,
    ) -> dict[str, Any]: ...
