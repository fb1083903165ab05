"""Keys and values that have been computed, rows that grow on them, and attention over their parts."""
