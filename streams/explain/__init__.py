"""Explains one lead, from a recording or from Kafka, now or at any past moment."""
