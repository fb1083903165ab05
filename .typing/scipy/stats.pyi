from typing import Any, overload

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]

class _Distribution:
    # All take the distribution's parameters after the value, as scalars or arrays.
    @overload
    def ppf(self, q: float, *parameters: float) -> np.float64: ...
    @overload
    def ppf(self, q: npt.ArrayLike, *parameters: npt.ArrayLike) -> _Floats: ...
    @overload
    def sf(self, x: float, *parameters: float) -> np.float64: ...
    @overload
    def sf(self, x: npt.ArrayLike, *parameters: npt.ArrayLike) -> _Floats: ...
    @overload
    def cdf(self, x: float, *parameters: float) -> np.float64: ...
    @overload
    def cdf(self, x: npt.ArrayLike, *parameters: npt.ArrayLike) -> _Floats: ...

norm: _Distribution
beta: _Distribution
t: _Distribution
chi2: _Distribution
binom: _Distribution

class BinomTestResult:
    pvalue: float
    def proportion_ci(self, confidence_level: float = ..., method: str = ...) -> Any: ...

class SignificanceResult:
    statistic: float
    pvalue: float

def binomtest(k: int, n: int, p: float = ...) -> BinomTestResult: ...
def rankdata(a: npt.ArrayLike, method: str = ..., axis: int | None = ...) -> _Floats: ...
def kendalltau(x: npt.ArrayLike, y: npt.ArrayLike) -> SignificanceResult: ...
def spearmanr(a: npt.ArrayLike, b: npt.ArrayLike) -> SignificanceResult: ...

class LinregressResult:
    slope: float
    intercept: float
    stderr: float
    intercept_stderr: float
    rvalue: float
    pvalue: float

def linregress(x: npt.ArrayLike, y: npt.ArrayLike) -> LinregressResult: ...
