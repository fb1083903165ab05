"""Models as judges: what they are, and what they are asked."""
