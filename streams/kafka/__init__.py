"""What asllr does with Kafka: topics, readers, the producer, and a broker for demo and tests."""
