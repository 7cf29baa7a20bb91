"""Engines turn features and prompt into a logit; one library per file, imported nowhere else."""
