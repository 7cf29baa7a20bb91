"""Turns files of others into events: public data sets, and a user's own exports."""
