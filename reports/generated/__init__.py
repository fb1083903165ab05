"""Analyses of generated texts: how they ended, and which answers they give."""
