"""An adapter that starts at a frozen base's solution and is kept only where it is ahead of it."""
