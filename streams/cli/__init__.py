"""Commands: options in, implementations chosen, results printed; none decides."""
