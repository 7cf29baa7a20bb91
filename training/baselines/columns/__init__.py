"""Columns that baselines read: counts, own fields, words, and codes that a tagger finds."""
