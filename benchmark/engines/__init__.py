"""Models that answer prompts: `loading` loads one by name, and each kind of engine has a folder."""
