"""A simulated dealership with known true probabilities, for tests, the demo and benchmarks."""
