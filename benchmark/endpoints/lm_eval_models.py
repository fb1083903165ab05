"""Lookup of lm-eval's model classes by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..console.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.models.api_models import TemplateAPI


def model_class(kind: str, option: str) -> type[LM]:
    """Return lm-eval's model class of this name. Raises UsageError for an unknown one."""
    import lm_eval.models  # noqa: F401  (registers lm-eval's models)
    from lm_eval.api.registry import MODEL_REGISTRY, get_model

    try:
        return get_model(kind)
    except (KeyError, ValueError) as error:
        near = did_you_mean(kind, list(MODEL_REGISTRY))
        raise UsageError(f"{option}: unknown kind of model {kind!r}{near}") from error


def endpoint_class(kind: str, option: str) -> type[TemplateAPI]:
    """lm-eval's class of an endpoint. Raises UsageError for none."""
    from lm_eval.models.api_models import TemplateAPI

    cls = model_class(kind, option)
    if not issubclass(cls, TemplateAPI):
        raise UsageError(f"{option}: {kind} is not behind an endpoint")
    return cls
