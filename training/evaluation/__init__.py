"""Evaluation on a dataset folder: metrics, intervals, verdicts and the report."""
