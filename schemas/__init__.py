"""The messages on the topics and their rules. Nothing here reads a clock, socket or environment."""
