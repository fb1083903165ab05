"""The errors that estimators raise."""

from __future__ import annotations


class EstimatorError(ValueError):
    """An estimator that cannot be found, built or trusted; the message is one complete line."""


class EstimatorLookupError(EstimatorError):
    """A name, file or parameter from which no estimator can be built."""
