"""The engine for transformers models: prefill with shared prefixes, decoding, reading logits."""
