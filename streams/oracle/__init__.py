"""The oracle: computes everything again from the log and compares it with what is stored and
published."""
