"""From Kafka to states: the Faust worker and its batches, one commit for each batch."""
