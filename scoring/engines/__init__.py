"""Engines: features and prompt in, logit out. One library a file, imported nowhere else."""
