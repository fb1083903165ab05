import numpy as np
import numpy.typing as npt

class LedoitWolf:
    location_: npt.NDArray[np.float64]
    precision_: npt.NDArray[np.float64]
    def fit(self, X: npt.ArrayLike) -> LedoitWolf: ...
