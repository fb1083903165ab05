"""One module per command, which says its options and calls what does the work."""
