from typing import Any

import numpy as np
import numpy.typing as npt

def check_is_fitted(estimator: object) -> None: ...
def validate_data(
    _estimator: object,
    X: npt.ArrayLike,
    *,
    reset: bool = ...,
    ensure_min_features: int = ...,
    dtype: Any = ...,
) -> npt.NDArray[np.float64]: ...
