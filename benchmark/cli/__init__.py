"""The command line: reads options, runs commands, reports an error in one line."""

from .main import app, main

__all__ = ["app", "main"]
