"""What is wrong with a log or a dataset, and what in it knows the outcome."""
