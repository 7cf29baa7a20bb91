"""Studies: every model compared over seeds and datasets; resumable, one model on one dataset at a
time."""
