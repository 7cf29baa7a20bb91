"""All I/O. In the root: settings, exit codes, waiting, artifacts, which every process needs."""
