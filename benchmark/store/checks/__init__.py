"""Check stored files for copies, unexpected and damaged ones, and set them aside."""
