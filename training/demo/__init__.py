"""The demo's model from nothing but a seed: base, adapter, trees on top."""
