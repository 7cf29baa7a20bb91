"""Commands around data sets and models; `asllr.py` wires them up. Heavy libraries load inside."""
