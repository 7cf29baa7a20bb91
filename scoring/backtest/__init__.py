"""Computes what calling from daily lists would have been worth."""
