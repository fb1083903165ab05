"""A run: plan, prompts, collection of missing signals, resuming, shards."""
