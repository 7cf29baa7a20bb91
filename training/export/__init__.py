"""From a fitted model to an artifact: graph, parity check, files, card and report."""
