"""Input of estimators: names of the signals, their tables, and the batch of questions."""
