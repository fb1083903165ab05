"""A run: plan, prompts, collecting what is missing, resuming, shards."""
