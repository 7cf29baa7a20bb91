"""The optimizer's way: which leads share a batch, steps, checks, progress."""
