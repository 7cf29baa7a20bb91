"""Training: from leads to a fitted and evaluated artifact; the root holds calibration and file
writing."""
