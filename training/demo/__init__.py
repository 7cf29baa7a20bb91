"""The demo's model, made from a seed and nothing else: base, adapter, and trees on top."""
