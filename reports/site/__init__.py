"""A static site that compares models and estimators over any number of results."""
