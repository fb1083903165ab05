"""Metrics per model, task, estimator and topic."""
