"""Input of a report, and formatting and writing of values, tables and files."""
