"""Gradient-boosted trees: fit, search for settings, retraining, and export as an ONNX graph."""
