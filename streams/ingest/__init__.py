"""From Kafka to states: the Faust worker, its batches, one commit for each."""
