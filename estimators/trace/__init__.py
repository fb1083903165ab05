"""Estimators that read a chain of thought: its tokens, its course, its words."""
