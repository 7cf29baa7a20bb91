"""The store: what is kept in Redis, or in memory by the same contract, with one atomic step for
each call."""
