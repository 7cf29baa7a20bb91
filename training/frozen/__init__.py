"""A base as it is, read in the middle: states of all leads once, a head, and words beside it."""
