"""Recorded answers: what every importer reads, how it is checked, shown and written to a store."""
