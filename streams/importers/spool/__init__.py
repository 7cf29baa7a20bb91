"""What of an export is too much for memory: kept in temporary files without a name."""
