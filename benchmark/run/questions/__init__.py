"""What is asked: lm-eval tasks found by name, and the question view that each of them gives."""
