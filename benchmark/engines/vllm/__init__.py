"""The engine for vLLM."""
