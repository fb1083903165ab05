from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]

class OptimizeResult:
    x: _Floats
    fun: float
    success: bool
    message: str
    nit: int
    jac: _Floats

class IsotonicResult:
    x: _Floats
    weights: _Floats
    blocks: npt.NDArray[np.int64]

def brentq(
    f: Callable[[float], float | np.float64],
    a: float,
    b: float,
    xtol: float = ...,
    rtol: float = ...,
) -> float: ...
def isotonic_regression(y: _Floats, *, weights: Any = ..., increasing: bool = ...) -> IsotonicResult: ...
def linear_sum_assignment(
    cost_matrix: npt.NDArray[Any], maximize: bool = ...
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...
def minimize(
    fun: Callable[..., Any],
    x0: npt.NDArray[Any],
    args: tuple[Any, ...] = ...,
    method: str | None = ...,
    jac: Any = ...,
    hess: Any = ...,
    bounds: Any = ...,
    tol: float | None = ...,
    options: dict[str, Any] | None = ...,
) -> OptimizeResult: ...
def minimize_scalar(
    fun: Callable[[float], float],
    bounds: tuple[float, float] = ...,
    method: str = ...,
    options: dict[str, Any] | None = ...,
) -> OptimizeResult: ...
