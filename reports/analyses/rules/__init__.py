"""Rules that decide by a score: by cost, with a guaranteed risk, as a file, and recommendations."""
