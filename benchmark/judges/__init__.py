"""Models as judges: how they are loaded, and how they are prompted."""
