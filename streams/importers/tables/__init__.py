"""Turns a user's own exports into events: cells, mapped columns, times, and whose row it is."""
