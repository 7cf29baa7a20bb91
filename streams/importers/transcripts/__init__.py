"""Transcripts as vendors write them, read into one normal form; no clock, no file, no socket."""
