"""The oracle: computes all again from the log and compares it with what is stored and published."""
