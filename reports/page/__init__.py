"""The report: sections, tables, the page and the terminal."""
