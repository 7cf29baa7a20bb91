"""A fitted model becomes an artifact: graph, parity, files, card, report."""
