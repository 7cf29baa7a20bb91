"""Gradient-boosted trees: fitted, searched, trained again, and as an ONNX graph."""
