from collections.abc import Iterable

from .model import LM

MODEL_REGISTRY: Iterable[str]

def get_model(model_name: str) -> type[LM]: ...
