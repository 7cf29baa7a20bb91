"""A seeded dealership with a known truth: the test bench, the demo's leads and the benchmark."""
