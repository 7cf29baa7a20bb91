"""What is known about a lead: its state, and the fold that joins events into it."""
