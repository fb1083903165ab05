"""Lookup of lm-eval's model classes by name."""

from __future__ import annotations

from typing import Any

from ..console.errors import UsageError, did_you_mean


def model_class(kind: str, option: str) -> Any:
    """Return lm-eval's model class of this name. Raises UsageError for an unknown one."""
    import lm_eval.models  # noqa: F401  (registers lm-eval's models)
    from lm_eval.api.registry import MODEL_REGISTRY, get_model

    try:
        return get_model(kind)
    except (KeyError, ValueError) as error:
        near = did_you_mean(kind, list(MODEL_REGISTRY))
        raise UsageError(f"{option}: unknown kind of model {kind!r}{near}") from error
