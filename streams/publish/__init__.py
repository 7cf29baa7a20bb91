"""From the outbox to Kafka: boards, ranks, snapshots, promotions and the sweep."""
