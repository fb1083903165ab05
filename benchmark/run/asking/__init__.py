"""From questions to requests: lm-eval tasks, and the lm-eval model around an engine."""
