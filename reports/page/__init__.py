"""The report: sections, tables, HTML page and terminal output."""
