"""Importers in a user's own file, and the checks that every importer must pass."""
