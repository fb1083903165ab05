"""The embedded sample: a tiny language model and synthetic questions in all 14 topics."""
