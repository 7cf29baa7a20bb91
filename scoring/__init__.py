"""The core: pure functions from events to ranks. No clock, environment, socket or global RNG."""
