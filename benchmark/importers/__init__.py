"""Answers recorded elsewhere: one module per format."""
