"""Is it all true? All is computed again from the log and compared with what is published."""
