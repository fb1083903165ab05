from numpy.typing import ArrayLike, NDArray
from numpy import float64

def expit(x: ArrayLike) -> NDArray[float64]: ...
