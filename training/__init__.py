"""From leads to a fitted, evaluated artifact; the root holds calibration and file writing."""
