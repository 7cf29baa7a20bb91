"""Recordings: what Kafka held, on disk; how they are made and read."""
