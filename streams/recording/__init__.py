"""What Kafka held, on disk: recordings, how they are made and read."""
