"""The story of one lead, from a recording or from Kafka, at any past moment."""
