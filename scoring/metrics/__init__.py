"""Measures how good scores are: metrics, intervals, tests, verdicts, agreement of ranks, cost."""
