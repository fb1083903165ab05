"""Conformance suite for estimators on synthetic questions: `apprehend check estimator`."""
