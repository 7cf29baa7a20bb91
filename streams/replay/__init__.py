"""Replays the past: the same fold, prompt, engine and ranking, on a virtual clock."""
