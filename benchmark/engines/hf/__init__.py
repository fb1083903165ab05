"""The engine for transformers models: prefill with shared prefixes, decode, and what is read off
the logits."""
