"""`asllr import`: the options of its commands."""
