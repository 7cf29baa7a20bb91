"""Simulated leads of several businesses, with known true probabilities, for tests and the demo."""
