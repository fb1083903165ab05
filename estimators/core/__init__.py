"""Foundations of estimators: the base class, parameters, and logistic regression."""
