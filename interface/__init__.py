"""Uncertainty estimation of language models on multiple-choice questions, from Python.

    import apprehend as ap

    results = ap.run(model_args="pretrained=embedded", tasks="mmlu_pro_direct")
    results.metrics(by="topic")                       # data frame, one row per estimator and topic
    ap.score(option_logprobs=logprobs, gold=gold)     # arrays in, data frame out
    ap.evaluate(errors, scores, by=topic)             # ROC AUC with its interval

Errors are the positive class, and higher scores mean more uncertain. Nothing heavy is imported
before it is used: torch and lm-eval only by `run`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import plot as plot
    from . import sklearn as sklearn
    from .benchmark.console.errors import ApprehendError
    from .estimators import Estimator, Signal, Signals
    from .from_arrays import evaluate, score
    from .function_estimators import estimator
    from .model_runs import run
    from .stored_results import Results
    from .stored_results import open_results as open

__all__ = [
    "ApprehendError",
    "Estimator",
    "Results",
    "Signal",
    "Signals",
    "__version__",
    "estimator",
    "evaluate",
    "open",
    "plot",
    "run",
    "score",
    "sklearn",
]

_HOMES = {
    "ApprehendError": (".benchmark.console.errors", "ApprehendError"),
    "Estimator": (".estimators", "Estimator"),
    "Results": (".stored_results", "Results"),
    "Signal": (".estimators", "Signal"),
    "Signals": (".estimators", "Signals"),
    "estimator": (".function_estimators", "estimator"),
    "evaluate": (".from_arrays", "evaluate"),
    "open": (".stored_results", "open_results"),
    "plot": (".plot", ""),
    "run": (".model_runs", "run"),
    "score": (".from_arrays", "score"),
    "sklearn": (".sklearn", ""),
}
"""Public name → its module, and its name there; empty for the module itself."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("apprehend")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, attribute = _HOMES[name]
    module = import_module(home, __name__)
    return getattr(module, attribute) if attribute else module


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
