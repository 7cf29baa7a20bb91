"""A user's own exports as events: tables in, columns mapped, what they would have been worth."""
