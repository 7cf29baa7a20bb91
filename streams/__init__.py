"""Everything that reads or writes the outside world: Kafka, Redis, files, the terminal. In the
root: settings, exit codes, waiting and artifacts, which every process needs."""
