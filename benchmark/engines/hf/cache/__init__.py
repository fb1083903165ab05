"""The KV cache: keys and values in parts, rows that grow on them, attention over the parts."""
