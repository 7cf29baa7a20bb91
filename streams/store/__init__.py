"""What is kept in Redis, or in memory by the same contract: one atomic step a call."""
