"""Backtests: the daily call lists of the past, judged by who ordered afterwards."""
