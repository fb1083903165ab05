"""Compute scores from stored signals, and the data frames of reports, without a model."""
