"""Columns that baselines learn from: counts, own fields, words, practice."""
