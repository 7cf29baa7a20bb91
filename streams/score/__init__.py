"""From states to scores: claim leads, score them, hand the results in."""
