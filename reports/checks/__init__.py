"""Conformance checks for what others add to the reports."""
