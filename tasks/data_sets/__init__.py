"""Data sets of one's own: what the columns of a file mean, and the questions that they hold."""
