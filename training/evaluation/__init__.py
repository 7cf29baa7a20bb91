"""What a model's scores are worth, on a dataset folder: metrics, intervals, verdicts, a report."""
