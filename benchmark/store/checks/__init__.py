"""Check stored files: copies, foreign and damaged ones; set them aside."""
