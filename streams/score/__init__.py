"""From states to scores: claims leads, scores them and hands the results in."""
