"""A simulated dealership with a seed and known true probabilities: for tests, the demo and
benchmarks."""
