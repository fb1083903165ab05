"""Questions on their way to the model: lm-eval tasks loaded, and the LM that lm-eval asks."""
