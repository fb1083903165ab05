"""Estimators that read what a model states: of its own answer, or, as a judge, of a question."""
