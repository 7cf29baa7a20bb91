"""All I/O: Faust ingest, stores, score worker, publisher, brokers, settings."""
