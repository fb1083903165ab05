"""Estimators that read answers: their distribution, samples of them, other prompts and orders."""
