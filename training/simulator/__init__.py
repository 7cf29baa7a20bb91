"""Simulated leads of several businesses with known true probabilities, for tests, the demo and
benchmarks."""
