"""`asllr record`, `asllr replay` and its sub-commands: the past, and what would have been."""
