"""One module per command: declares its options and calls the code that does the work."""
