"""Estimators that learn: fitted out of fold."""
