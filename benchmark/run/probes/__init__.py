"""Probes: further passes over questions that have been asked, one per signal and variant."""
