"""Models that answer prompts: `loading` picks one by name, each kind has a room of its own."""
