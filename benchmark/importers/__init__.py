"""Importers of recorded answers: one module per format."""
