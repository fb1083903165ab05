"""Analyses beyond the metrics, one module each."""
