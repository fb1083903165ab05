"""Stored results as the input of reports, and the reports and decisions made of them."""
