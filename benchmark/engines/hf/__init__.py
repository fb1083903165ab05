"""The engine for transformers models: prefill with shared prefixes, decoding on a shared KV cache,
and reading answers off the logits."""
