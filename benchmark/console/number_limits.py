"""Bounds of numeric options: what lies beyond them is a slip, which one line says at once.

Every numeric option has both ends, which also keeps out nan and inf; a test sees to it.
"""

LARGEST_SEED = 2**32 - 1
"""Of numpy's and scikit-learn's generators."""
MOST_REPLICATES = 1_000_000
MOST_QUESTIONS = 10**9
HIGHEST_COST = 1e12
