"""One module per kind of figure: compute, then draw into given axes."""
