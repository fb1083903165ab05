"""Estimators that are fitted out of fold: on states, scores, ranks and right options."""
