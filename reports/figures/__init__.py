"""Figures, one module per kind: functions that compute the data, then draw into given axes."""
