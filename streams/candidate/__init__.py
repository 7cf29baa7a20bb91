"""Candidates: an artifact that is not live yet is compared with the one that is."""
