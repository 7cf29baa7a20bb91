"""The fit of a language model: batches, optimizer steps, validation checks, progress."""
