"""How a model's answers behave: ranks of the right option, flips, samples, runs, quadrants."""
