"""What a report reads, and how its values, tables and files are written."""
