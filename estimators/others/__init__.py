"""Estimators that read what other models say of the question or the answer."""
