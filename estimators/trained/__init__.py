"""Estimators that are fitted out of fold: on states, on ranks."""
