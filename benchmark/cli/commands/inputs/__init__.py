"""Commands that show what is given to a run, before any model is loaded."""
