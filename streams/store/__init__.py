"""The store: kept in Redis, or in memory by the same contract, with one atomic step a call."""
