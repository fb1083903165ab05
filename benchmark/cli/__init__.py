"""The command line: options in, one line of error out."""

from .main import app, main

__all__ = ["app", "main"]
