"""A user's own exports as events: cells, columns mapped, times, whose row it is."""
