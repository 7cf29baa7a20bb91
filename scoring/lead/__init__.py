"""What is known of a lead: its state, and the fold that joins events into it."""
