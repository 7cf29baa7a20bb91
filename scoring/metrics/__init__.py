"""How good scores are: metrics, intervals, tests, verdicts, agreement of rankings, cost."""
