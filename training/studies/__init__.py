"""Studies: all models compared over seeds and datasets, resumable."""
