"""The contracts: what travels on the topics. Nothing here reads a clock, socket or environment."""
