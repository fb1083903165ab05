"""Bounds of numeric options; a value beyond them is a typo and is rejected immediately.

Every numeric option has both bounds, which also rejects nan and inf (a test checks this).
"""

LARGEST_SEED = 2**32 - 1
"""Largest seed of the generators of numpy and scikit-learn."""
MOST_REPLICATES = 1_000_000
MOST_QUESTIONS = 10**9
MOST_TOKENS = 10**6
"""Of a generated text."""
HIGHEST_COST = 1e12
