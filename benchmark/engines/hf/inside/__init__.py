"""Reading a transformers model between its layers, in the pass that answers a prompt."""
