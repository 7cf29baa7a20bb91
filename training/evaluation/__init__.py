"""What a model is worth on a dataset folder: metrics, intervals, verdicts, a report."""
