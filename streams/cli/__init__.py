"""The commands that need only `streams`: each chooses implementations and prints; none decides."""
