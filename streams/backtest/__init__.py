"""The daily lists of past midnights, judged by who ordered afterwards."""
