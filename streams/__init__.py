"""All I/O; in the root settings, exit codes, waiting and artifacts, which every process needs."""
