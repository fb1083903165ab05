"""The results folder: parts, manifest, what rows depend on, and looking for damage."""
