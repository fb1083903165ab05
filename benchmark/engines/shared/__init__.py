"""What all engines share: prompts and records, identities, labels and their tokens, sampling."""
