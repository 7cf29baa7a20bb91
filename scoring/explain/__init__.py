"""Explains a lead's score: the ledger of its changes, and the score with something left out."""
